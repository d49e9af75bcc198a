import { UniqueIntegrityConstraintViolationError } from 'slonik'
import { z } from 'zod'
import { storable } from '../lib/body.ts'
import { sql, type Db, type Write } from '../lib/db.ts'
import { Invalid } from '../lib/errors.ts'
import type { Picture } from '../lib/images.ts'
import type { Me, UserView } from '../shared/views.ts'
import { isTaken, newUsername, TAKEN } from './accounts.ts'
import { deleteUnusedPicture, insertPicture } from './pictures.ts'

/** What is not sent stays as it is. */
export const ProfileInput = z.object({
  username: newUsername('Please enter username').optional(),
  name: shortText(50, 'A name has at most 50 characters')
    .transform((name) => name.replace(/\s+/gu, ' ').trim())
    .optional(),
  bio: shortText(500, 'A bio has at most 500 characters')
    .transform((bio) => bio.trim())
    .optional(),
  /** What a ticked box sends. */
  remove_avatar: storable()
    .nullish()
    .transform((value) => Boolean(value)),
})

/** The form's values as they are now. */
export async function getProfileValues(
  db: Db,
  me: Me,
): Promise<{ username: string; name: string; bio: string }> {
  return db.one(sql.row<{ username: string; name: string; bio: string }>()`
    select username, name, bio
    from users
    where id = ${me.id}`)
}

/**
 * Changes my profile; `picture` is the new one, or null to leave it. The name that I give up leads to me until somebody
 * takes it. Throws Invalid where the new one is taken, by a person or a group.
 */
export async function updateProfile(
  { db, write }: { db: Db; write: Write },
  me: Me,
  { username = me.username, name, bio, remove_avatar }: z.output<typeof ProfileInput>,
  picture: Picture | null,
): Promise<UserView> {
  if (username !== me.username && (await isTaken(db, username))) throw new Invalid({ username: TAKEN })
  const avatar = picture?.hash ?? (remove_avatar ? null : me.avatar)
  try {
    return await write(async (tx) => {
      // Whoever changes a picture waits here for those who do too, so the statements below see what is in use.
      const user = await tx.oneFirst(sql.row<{ user: UserView }>()`
        update users
        set username = ${username},
            name = coalesce(nullif(${name ?? null}::text, ''), case when ${name ?? null}::text = '' then ${username} else name end),
            bio = coalesce(${bio ?? null}::text, bio),
            avatar = ${avatar}
        where id = ${me.id}
        returning user_view(users) as user`)
      if (picture) await insertPicture(tx, picture)
      if (me.avatar !== null && me.avatar !== avatar) await deleteUnusedPicture(tx, me.avatar)
      return user
    })
  } catch (error) {
    // Two who want one name at one instant.
    if (error instanceof UniqueIntegrityConstraintViolationError) throw new Invalid({ username: TAKEN })
    throw error
  }
}

function shortText(max: number, long: string) {
  return storable().refine((value) => [...value].length <= max, { error: long, abort: true })
}

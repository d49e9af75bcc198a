import { UniqueIntegrityConstraintViolationError } from 'slonik'
import { z } from 'zod'
import { isBlank } from '../lib/blank.ts'
import { storable } from '../web/body.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import type { Picture } from '../pictures/images.ts'
import { DAY, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { Me, UserView } from '../shared/views.ts'
import { requireFreeName } from '../names/names.ts'
import { newUsername, USERNAME_ERRORS, usernameTaken } from './accounts.ts'
import { throwUserNotFound } from './users.ts'
import { deleteUnusedPictures, saveWithPicture } from '../pictures/pictures.ts'

const RENAME_RATE: Rate = { key: 'renames', limit: 'renames', max: 10, seconds: DAY }

/** A field that is not sent keeps its value. */
export const ProfileInput = z.object({
  username: newUsername('Please enter username').optional(),
  name: shortText(50, 'A name can have at most 50 characters')
    .transform((name) => (isBlank(name) ? '' : name.replace(/\s+/gu, ' ').trim()))
    .optional(),
  bio: shortText(500, 'The text about you can have at most 500 characters')
    .transform((bio) => (isBlank(bio) ? '' : bio.trim()))
    .optional(),
  /** A checkbox: any value means true. */
  remove_avatar: storable()
    .nullish()
    .transform((value) => Boolean(value)),
})

/**
 * Reads the current values of the profile form.
 * @throws NotFound if the account has been deleted.
 */
export async function getProfileValues(
  db: Db,
  me: Me,
): Promise<{ username: string; name: string; bio: string }> {
  const values = await db.maybeOne(sql.row<{ username: string; name: string; bio: string }>()`
    select username, name, bio
    from users
    where id = ${me.id}`)
  return values ?? throwUserNotFound()
}

/**
 * Changes a profile. A `picture` of null keeps the current one. After a rename, the old username redirects to the new
 * one until another user or a group takes it.
 * @throws Invalid if a user or a group has the new username.
 * @throws TooMany after too many renames.
 * @throws NotFound if the account has been deleted.
 */
export async function updateProfile(
  { db, write, throttle }: { db: Db; write: Write; throttle: Throttle },
  me: Me,
  input: z.output<typeof ProfileInput>,
  picture: Picture | null,
): Promise<UserView> {
  const { username = me.username } = input
  if (username !== me.username) {
    await requireFreeName(db, username, USERNAME_ERRORS)
    await throttle(RENAME_RATE, me.id)
  }
  const save = (tx: Db) => tx.maybeOneFirst(updateStatement(me, input, picture))
  try {
    const user = picture ? await saveWithPicture(write, picture, save) : await write(save)
    return user ?? throwUserNotFound()
  } catch (error) {
    // Another request has taken the name since it was free.
    if (error instanceof UniqueIntegrityConstraintViolationError) throw usernameTaken()
    throw error
  } finally {
    const hashes = [me.avatar, picture?.hash].filter((hash) => typeof hash === 'string')
    // A failure here must not change the result of the save; the upkeep deletes the remaining pictures.
    if (picture || input.remove_avatar) await deleteUnusedPictures(write, hashes).catch(() => {})
  }
}

/**
 * An UPDATE that names `username`, `name` or `avatar` takes a lock until the commit, and every write on the site waits
 * for it (sql/40_people.sql). Therefore the statement names them only if one of them changes, and it is the last one of
 * its transaction.
 */
function updateStatement(me: Me, input: z.output<typeof ProfileInput>, picture: Picture | null) {
  const { username = me.username, bio = null } = input
  const name = input.name === undefined ? me.name : input.name || username
  const avatar = picture?.hash ?? (input.remove_avatar ? null : me.avatar)
  const isShownChanged = username !== me.username || name !== me.name || avatar !== me.avatar
  const shown = isShownChanged
    ? sql.fragment`, username = ${username}, name = ${name}, avatar = ${avatar}`
    : sql.fragment``
  return sql.row<{ user: UserView }>()`
    update users
    set bio = coalesce(${bio}::text, bio)${shown}
    where id = ${me.id}
    returning user_view(users) as user`
}

function shortText(max: number, long: string) {
  return storable().refine((value) => [...value].length <= max, { error: long, abort: true })
}

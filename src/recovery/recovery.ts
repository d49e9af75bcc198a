import { z } from 'zod'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid, NotFound } from '../lib/errors.ts'
import { hashSecret, newSecret } from '../lib/secrets.ts'
import { isPasswordUsername, newPassword, PASSWORD_IS_USERNAME } from '../users/new-password.ts'
import type { Passwords } from '../users/passwords.ts'
import { storable } from '../web/body.ts'

export const ResetInput = z.object({
  token: storable().prefault(''),
  password: newPassword('Please enter a new password'),
})

/** Creates the secret of a link with which the user sets a new password, once. It replaces earlier links of the user. */
export async function createPasswordReset(
  write: Write,
  user: { id: string },
  hours: number,
): Promise<string> {
  const token = newSecret()
  await write(async (tx) => {
    await tx.query(sql.command`delete from password_resets where user_id = ${user.id}`)
    await tx.query(sql.command`
      insert into password_resets (hash, user_id, expires_at)
      values (${sql.binary(hashSecret(token))}, ${user.id}, now() + ${hours} * interval '1 hour')`)
  })
  return token
}

/**
 * Returns the user of a link.
 * @throws NotFound if the link does not exist, has expired or has been used.
 */
export async function getResetUser(db: Db, token: string): Promise<{ id: string; username: string }> {
  const user = await db.maybeOne(sql.row<{ id: string; username: string }>()`
    select u.id, u.username
    from password_resets r
    join users u on u.id = r.user_id and u.deleted_at is null
    where r.hash = ${sql.binary(hashSecret(token))} and r.expires_at > now()`)
  return user ?? throwLinkNotFound()
}

/**
 * Sets a new password, deletes the link, and ends all sessions and streams of the user. Returns the user.
 * @throws NotFound if the link does not exist, has expired or has been used.
 * @throws Invalid if the password is the username.
 */
export async function resetPassword(
  { db, write, passwords }: { db: Db; write: Write; passwords: Passwords },
  { token, password }: z.output<typeof ResetInput>,
): Promise<{ id: string; username: string }> {
  const user = await getResetUser(db, token)
  if (isPasswordUsername(user.username, password)) throw new Invalid({ password: PASSWORD_IS_USERNAME })
  const hash = await passwords.hash(password)
  const isReset = await write(async (tx) => {
    const used = await tx.maybeOneFirst(sql.row<{ user_id: string }>()`
      delete from password_resets
      where hash = ${sql.binary(hashSecret(token))} and expires_at > now()
      returning user_id`)
    if (used === null) return false
    await tx.query(sql.command`update users set password_hash = ${hash} where id = ${used}`)
    await tx.query(sql.command`delete from sessions where user_id = ${used}`)
    return true
  })
  return isReset ? user : throwLinkNotFound()
}

export async function deleteExpiredResets(db: Db): Promise<void> {
  await db.query(sql.command`delete from password_resets where expires_at < now()`)
}

function throwLinkNotFound(): never {
  throw new NotFound('This link is not valid any more. Ask for a new one.')
}

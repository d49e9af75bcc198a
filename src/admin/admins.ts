import { z } from 'zod'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, Invalid } from '../lib/errors.ts'
import { trimBlank } from '../lib/blank.ts'
import { hashSecret, newSecret } from '../lib/secrets.ts'
import { text } from '../web/body.ts'
import { HOUR, type Rate, type Throttle } from '../web/limits/throttle.ts'
import { logEntries, type Actor } from './actor.ts'

/** Attempts of one person. */
const TOKEN_RATE: Rate = { key: 'admin-token', limit: 'signins', max: 10, seconds: HOUR }

export const ADMIN_TOKEN_HOURS = 24

export const AdminTokenInput = z.object({
  token: text({ max: 200, empty: 'Please enter the token', long: 'This is not a valid token' }).transform(
    trimBlank,
  ),
})

export async function hasAdmin(db: Db): Promise<boolean> {
  return db.exists(sql.command`select from users where admin and deleted_at is null`)
}

/** Makes a user an admin. Returns false if the user is an admin already, or is suspended. */
export async function makeAdmin(write: Write, actor: Actor, user: { id: string }): Promise<boolean> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with made as (
        update users
        set admin = true
        where id = ${user.id} and not admin and suspended_at is null and deleted_at is null
        returning id
      )
      ${logEntries(actor, sql.fragment`made`, { action: 'admin made', user: sql.fragment`id` })}`),
  )
  return rowCount === 1
}

/**
 * Makes an admin an ordinary user. Returns false if the user is not an admin.
 * @throws Forbidden if there is no other admin, unless `force` is true.
 */
export async function removeAdmin(
  write: Write,
  actor: Actor,
  user: { id: string },
  { force = false } = {},
): Promise<boolean> {
  return write(async (tx) => {
    // The lock makes admins leave one at a time. Without it, the last two could leave at the same time.
    const admins = await tx.anyFirst(sql.row<{ id: string }>()`
      select id from users where admin and deleted_at is null order by id for no key update`)
    if (!admins.includes(user.id)) return false
    if (admins.length === 1 && !force) {
      throw new Forbidden('This is the only admin. Make another person an admin first.')
    }
    await tx.query(sql.command`
      with removed as (update users set admin = false where id = ${user.id} returning id)
      ${logEntries(actor, sql.fragment`removed`, { action: 'admin removed', user: sql.fragment`id` })}`)
    return true
  })
}

/** Creates a token that makes the first person who redeems it an admin. It replaces earlier tokens. */
export async function createAdminToken(write: Write): Promise<string> {
  const token = newSecret()
  await write(async (tx) => {
    await tx.query(sql.command`delete from admin_tokens`)
    await tx.query(sql.command`
      insert into admin_tokens (hash, expires_at)
      values (${sql.binary(hashSecret(token))}, now() + ${ADMIN_TOKEN_HOURS} * interval '1 hour')`)
  })
  return token
}

/**
 * Makes `me` an admin and deletes the token.
 * @throws Invalid if the token does not exist, has expired or has been used.
 * @throws TooMany after too many attempts.
 */
export async function redeemAdminToken(
  { write, throttle }: { write: Write; throttle: Throttle },
  me: { id: string },
  { token }: z.output<typeof AdminTokenInput>,
): Promise<void> {
  await throttle(TOKEN_RATE, me.id)
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with used as (
        delete from admin_tokens
        where hash = ${sql.binary(hashSecret(token))} and expires_at > now()
        returning hash
      ),
      made as (
        update users
        set admin = true
        where id = ${me.id} and suspended_at is null and deleted_at is null and exists (select from used)
        returning id
      )
      ${logEntries(me, sql.fragment`made`, {
        action: 'admin made',
        user: sql.fragment`id`,
        detail: sql.fragment`'{"by": "token"}'::jsonb`,
      })}`),
  )
  if (rowCount === 0) throw new Invalid({ token: 'This token is wrong, has expired, or has been used' })
}

export async function deleteExpiredAdminTokens(db: Db): Promise<void> {
  await db.query(sql.command`delete from admin_tokens where expires_at < now()`)
}

import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid } from '../lib/errors.ts'
import { logEntries, mayAct, requireAdmin, type Actor } from './actor.ts'

interface AccountState {
  admin: boolean
  suspended: boolean
}

/**
 * Suspends an account: its sessions and streams end on every instance, and it cannot sign in. Its posts and comments
 * stay. Open reports of the account are closed.
 * @throws Forbidden if the actor is not an admin.
 * @throws Invalid if the account is suspended already, or is an admin.
 */
export async function suspendUser(
  { db, write }: { db: Db; write: Write },
  actor: Actor,
  user: { id: string },
  reason: string | null,
): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with suspended as (
        update users
        set suspended_at = clock_timestamp()
        where id = ${user.id} and suspended_at is null and not admin and deleted_at is null and ${mayAct(actor)}
        returning id
      ),
      closed as (
        update reports
        set closed_at = clock_timestamp(), closer_id = ${actor?.id ?? null}::bigint, outcome = 'suspended'
        where kind = 'account' and subject_id = (select id from suspended) and closed_at is null
      )
      ${logEntries(actor, sql.fragment`suspended`, {
        action: 'account suspended',
        user: sql.fragment`id`,
        detail: sql.fragment`${sql.jsonb(reason === null ? {} : { reason })}`,
      })}`),
  )
  if (rowCount === 1) return
  await requireAdmin(db, actor)
  const { admin, suspended } = await readState(db, user)
  if (admin) throw new Invalid({ username: 'An admin cannot be suspended' })
  if (suspended) throw new Invalid({ username: 'This account is suspended already' })
}

/**
 * Lets a suspended account sign in again.
 * @throws Forbidden if the actor is not an admin.
 * @throws Invalid if the account is not suspended.
 */
export async function unsuspendUser(
  { db, write }: { db: Db; write: Write },
  actor: Actor,
  user: { id: string },
): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with unsuspended as (
        update users
        set suspended_at = null
        where id = ${user.id} and suspended_at is not null and ${mayAct(actor)}
        returning id
      )
      ${logEntries(actor, sql.fragment`unsuspended`, {
        action: 'account unsuspended',
        user: sql.fragment`id`,
      })}`),
  )
  if (rowCount === 1) return
  await requireAdmin(db, actor)
  throw new Invalid({ username: 'This account is not suspended' })
}

/**
 * Deletes an account with all its content, like its owner can. It is invisible at once; the instances delete its rows.
 * Returns false if the account is an admin.
 */
export async function deleteUser(write: Write, actor: Actor, user: { id: string }): Promise<boolean> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with deleted as (
        update users
        set deleted_at = clock_timestamp()
        where id = ${user.id} and deleted_at is null and not admin and ${mayAct(actor)}
        returning id
      )
      ${logEntries(actor, sql.fragment`deleted`, { action: 'account deleted', user: sql.fragment`id` })}`),
  )
  return rowCount === 1
}

function readState(db: Db, user: { id: string }): Promise<AccountState> {
  return db.one(sql.row<AccountState>()`
    select admin, suspended_at is not null as suspended from users where id = ${user.id}`)
}

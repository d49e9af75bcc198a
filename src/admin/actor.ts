import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import { Forbidden } from '../lib/errors.ts'

/** Who acts: a signed-in person, who must be an admin, or the command line (null). */
export type Actor = { id: string } | null

/** A condition for the statement that acts: the actor is an admin now. */
export function mayAct(actor: Actor): FragmentSqlToken {
  return actor === null ? sql.fragment`true` : sql.fragment`is_admin(${actor.id}::bigint)`
}

/** @throws Forbidden if the actor is not an admin. */
export async function requireAdmin(db: Db, actor: Actor): Promise<void> {
  const isAdmin = await db.oneFirst(sql.row<{ may: boolean }>()`select ${mayAct(actor)} as may`)
  if (!isAdmin) throw new Forbidden('Only admins can do this.')
}

export interface LogEntry {
  action: AdminAction
  /** An expression for the id of the account that the action is about. */
  user?: FragmentSqlToken
  /** An expression of type jsonb. */
  detail?: FragmentSqlToken
}

export const ADMIN_ACTIONS = [
  'admin made',
  'admin removed',
  'account created',
  'account suspended',
  'account unsuspended',
  'account exported',
  'account deleted',
  'password link created',
  'post removed',
  'comment removed',
  'report dismissed',
  'sign-up changed',
  'invitation created',
  'invitation revoked',
  'name reserved',
  'name released',
] as const

export type AdminAction = (typeof ADMIN_ACTIONS)[number]

/**
 * An INSERT that adds one entry to the log of admins for each row of `source`, which is the name of a query of the same
 * statement. So an action and its entry are committed together.
 */
export function logEntries(
  actor: Actor,
  source: FragmentSqlToken,
  { action, user = sql.fragment`null::bigint`, detail = sql.fragment`'{}'::jsonb` }: LogEntry,
): FragmentSqlToken {
  return sql.fragment`
    insert into admin_log (admin_id, by_command, action, user_id, detail)
    select ${actor?.id ?? null}::bigint, ${actor === null}, ${action}, ${user}, ${detail}
    from ${source}`
}

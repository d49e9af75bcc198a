import type { Logger } from 'pino'
import { sql, type Write } from '../db/pool.ts'
import { errorFacts } from '../lib/log.ts'
import type { Me } from '../shared/views.ts'
import { wrongPassword } from './authentication.ts'

/**
 * Deletes my account for everybody, in one statement: it ends my sessions and hides what I wrote (sql/70_deletion.sql).
 * `deleteAccountRows` removes the rows. Throws Invalid if the password has changed since `version` was verified.
 */
export async function deleteAccount(write: Write, me: Me, version: number): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.unsafe`
      update users
      set deleted_at = clock_timestamp()
      where id = ${me.id} and password_version = ${version} and deleted_at is null`),
  )
  if (rowCount === 0) throw wrongPassword('password')
}

/**
 * Removes the rows of all deleted accounts, one chunk per transaction, until there are none left or other instances are
 * at work on them. Logs an error and stops there; the upkeep of any instance goes on.
 */
export async function deleteAccountRows(write: Write, log: Logger): Promise<void> {
  try {
    while (await deleteChunk(write));
  } catch (error) {
    log.warn({ event: 'deletion interrupted', error: errorFacts(error) }, 'deletion interrupted')
  }
}

async function deleteChunk(write: Write): Promise<boolean> {
  return write((tx) => tx.oneFirst(sql.row<{ deleted: boolean }>()`select delete_account_chunk() as deleted`))
}

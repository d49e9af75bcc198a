import type { Logger } from 'pino'
import { sql, type Write } from '../db/pool.ts'
import { errorFacts } from '../lib/log.ts'
import type { Me } from '../shared/views.ts'
import { wrongPassword } from './authentication.ts'

/**
 * Marks an account as deleted, which ends its sessions and hides its content at once (sql/70_deletion.sql).
 * `deleteAccountRows` removes the rows.
 * @throws Invalid if the password has changed since `version` was verified.
 */
export async function deleteAccount(write: Write, me: Me, version: number): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      update users
      set deleted_at = clock_timestamp()
      where id = ${me.id} and password_version = ${version} and deleted_at is null`),
  )
  if (rowCount === 0) throw wrongPassword('password')
}

/**
 * Removes the rows of all deleted accounts, one chunk per transaction. It stops when none are left or when other
 * instances process the rest. After an error it logs the error and stops; the upkeep of any instance continues later.
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

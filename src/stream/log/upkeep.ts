import type { Logger } from 'pino'
import { sql, type Db, type Write } from '../../db/pool.ts'
import { errorFacts } from '../../lib/log.ts'

const EVERY_MS = 60_000
const RETENTION = '24 hours'
const CHUNK = 1_000

/**
 * Deletes a chunk of events that are older than the retention. Keeps the newest event, because it is the cursor of the
 * pages that are rendered now. Returns how many it deleted; 0 if another instance holds the lock.
 */
export async function trimLog(db: Db, { retention = RETENTION, chunk = CHUNK } = {}): Promise<number> {
  const locked = await db.oneFirst(
    sql.row<{ locked: boolean }>()`select pg_try_advisory_xact_lock(7230, 3) as locked`,
  )
  if (!locked) return 0
  const trimmed = await db.query(sql.row<Record<string, never>>()`
    delete from log
    where seq in (
      select seq
      from log
      where at < now() - ${retention}::interval
        and seq < (select max(seq) from log)
      order by seq
      limit ${chunk}
    )`)
  return trimmed.rowCount
}

/**
 * Every minute trims the log in chunks, so that transactions are short, and runs each chore in a separate transaction.
 * Returns a function that stops it.
 */
export function scheduleUpkeep({
  write,
  log,
  chores = [],
}: {
  write: Write
  log: Logger
  chores?: ((tx: Db) => Promise<unknown>)[]
}): () => void {
  const timer = setInterval(() => {
    for (const work of [trimAll, ...chores.map((chore) => () => write(chore))]) {
      void work().catch((error: unknown) => log.warn({ error: errorFacts(error) }, 'upkeep failed'))
    }
  }, EVERY_MS)

  async function trimAll(): Promise<void> {
    let trimmed: number
    do {
      trimmed = await write((db) => trimLog(db))
      if (trimmed > 0) log.info({ trimmed }, 'old events removed')
    } while (trimmed === CHUNK)
  }

  return () => clearInterval(timer)
}

import type { Logger } from 'pino'
import { sql, type Db, type Write } from '../../db/pool.ts'
import { errorFacts } from '../../lib/log.ts'

const EVERY_MS = 60_000
const RETENTION = '24 hours'
const CHUNK = 1_000

/**
 * Removes a chunk of events that are past the retention; the newest stays, because it is the cursor of pages that
 * are rendered now. Returns how many went. One instance at a time does this; the others find the lock taken.
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
 * Trims the log now and then, chunk by chunk, so that no transaction is long; and does what else is to be done now and
 * then, each chore in a transaction of its own. Returns how to stop.
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

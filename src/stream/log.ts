import { sql, type Db } from '../lib/db.ts'
import { LogRow } from './events.ts'

/** The event at `seq` and those after it, in order; fewer than `limit` means that there are no more. */
export async function readLogFrom(db: Db, seq: number, limit: number): Promise<LogRow[]> {
  const rows = await db.any(sql.row<LogRow>()`
    select seq, event, topics, payload
    from log
    where seq >= ${seq}
    order by seq
    limit ${limit}`)
  return rows.map((row) => LogRow.parse(row))
}

/** The newest `limit` events, in order: what an instance starts its ring with. */
export async function readNewestLog(db: Db, limit: number): Promise<LogRow[]> {
  const rows = await db.any(sql.row<LogRow>()`
    select seq, event, topics, payload
    from (select seq, event, topics, payload from log order by seq desc limit ${limit}) newest
    order by seq`)
  return rows.map((row) => LogRow.parse(row))
}

/** The number of the oldest event, 0 where there is none. */
export async function oldestSeq(db: Db): Promise<number> {
  return Number(
    await db.oneFirst(sql.row<{ oldest: string }>()`select coalesce(min(seq), 0) as oldest from log`),
  )
}

/** The events from `start` to `end`, both included, and the oldest number that the log holds (0: none). */
export async function readLogBlock(
  db: Db,
  start: number,
  end: number,
): Promise<{ rows: LogRow[]; oldest: number }> {
  const { rows, oldest } = await db.one(sql.row<{ rows: unknown[]; oldest: string }>()`
    select
      (
        select coalesce(json_agg(block order by seq), '[]')
        from (
          select seq, event, topics, payload
          from log
          where seq between ${start} and ${end}
        ) block
      ) as rows,
      coalesce((select min(seq) from log), 0) as oldest`)
  return { rows: rows.map((row) => LogRow.parse(row)), oldest: Number(oldest) }
}

/**
 * How full PostgreSQL's queue of notifications is, from 0 to 1. Asking also frees what everybody has read. Otherwise
 * only a commit that notifies does that, and once the queue is full there is none: it would stay full for good.
 */
export async function notifyQueueUsage(db: Db): Promise<number> {
  return db.oneFirst(sql.row<{ usage: number }>()`select pg_notification_queue_usage() as usage`)
}

import { sql, type Db } from '../../db/pool.ts'
import { isRightsChange, LogRow } from './events.ts'
import { createBlock, EMPTY } from '../encoding/block.ts'
import type { Frame } from './frame.ts'

/** The queries of the stream layer on the table `log`. */
export interface LogReader {
  /** Reads the row at `seq` and the rows after it, in order. Fewer rows than `limit` mean that there are no more. */
  readFrom(seq: number, limit: number): Promise<LogRow[]>
  /** Reads the newest `limit` rows, in order. */
  readNewest(limit: number): Promise<LogRow[]>
  /** Reads `seq` of the oldest row; 0 if there is none. */
  readOldest(): Promise<number>
  /** Reads the topics of the rows from `start` to `end` inclusive: `17{feed:1,post:3}18{all}`. */
  readTopics(start: number, end: number): Promise<{ topics: string; oldest: number }>
  /**
   * Reads the rows with these numbers as frames that may be sent now: without text that was edited or deleted since
   * (`replay_event` in sql/60_replay.sql). Leaves out numbers that the log does not have.
   */
  readFrames(seqs: number[]): Promise<Frame[]>
  /**
   * Reads how full PostgreSQL's queue of notifications is, from 0 to 1. This query also frees the part that every
   * session has read. Otherwise only a notifying commit frees it, and a full queue refuses such commits.
   */
  readQueueUsage(): Promise<number>
}

export function createLogReader(db: Db): LogReader {
  return {
    async readFrom(seq, limit) {
      const rows = await db.any(sql.row<LogRow>()`
        select seq, milliseconds(at) as at, event, topics, payload
        from log
        where seq >= ${seq}
        order by seq
        limit ${limit}`)
      return rows.map((row) => LogRow.parse(row))
    },

    async readNewest(limit) {
      const rows = await db.any(sql.row<LogRow>()`
        select seq, milliseconds(at) as at, event, topics, payload
        from (select seq, at, event, topics, payload from log order by seq desc limit ${limit}) newest
        order by seq`)
      return rows.map((row) => LogRow.parse(row))
    },

    async readOldest() {
      return Number(
        await db.oneFirst(sql.row<{ oldest: string }>()`select coalesce(min(seq), 0) as oldest from log`),
      )
    },

    // Returns one text for the range: a million rows take 0.5 s here and 0.3 s to parse. Separate rows take 2 s.
    async readTopics(start, end) {
      const { topics, oldest } = await db.one(sql.row<{ topics: string; oldest: string }>()`
        select
          coalesce(string_agg(seq::text || topics::text, ''), '') as topics,
          coalesce((select min(seq) from log), 0) as oldest
        from log
        where seq between ${start} and ${end}`)
      return { topics, oldest: Number(oldest) }
    },

    async readFrames(seqs) {
      const rows = await db.any(sql.row<FrameRow>()`
        select l.seq, l.topics, l.payload -> 'post' ->> 'id' as post, shown ->> 'event' as event,
          (shown -> 'payload')::text as payload
        from log l
        cross join lateral (select replay_event(l) as shown) replay
        where l.seq = any(${sql.array(seqs, 'int8')})
        order by l.seq`)
      return rows.map(toReplayedFrame)
    },

    readQueueUsage: () =>
      db.oneFirst(sql.row<{ usage: number }>()`select pg_notification_queue_usage() as usage`),
  }
}

interface FrameRow {
  seq: string
  topics: string[]
  post: string | null
  /** Null if nothing of the event may be shown any more. */
  event: string | null
  payload: string | null
}

/** A change of rights is not replayed: a stream that starts knows its viewer's rights already. */
function toReplayedFrame({ seq, topics, post, event, payload }: FrameRow): Frame {
  const shown = event !== null && payload !== null && !isRightsChange({ event })
  const block = shown ? createBlock({ id: Number(seq), event, data: payload }) : EMPTY
  return { seq: Number(seq), topics, post, block, rights: null }
}

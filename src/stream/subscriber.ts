import { encodeSse } from '../lib/sse.ts'
import type { Connection } from './connection.ts'
import type { LogRow } from './events.ts'
import type { Frame } from './ring.ts'

/** What a stream may show, as of one snapshot of the database. */
export interface Rights {
  /** Topics of the viewer's subscriptions, where the stream is of their home. */
  feeds: string[]
  /** Topics of the pages that were asked for. */
  pages: string[]
  /** Whether a page is there only because of a membership. */
  guarded: boolean
  /** The `seq` at which the viewer's subscriptions last changed, 0 where that is long ago. */
  changedAt: number
}

export interface Viewer {
  id: string
  /** Hash of the session, in hex. */
  session: string
}

/** One open stream: what it gets, and how far it has got. */
export interface Subscriber {
  readonly viewer: Viewer | null
  readonly connection: Connection
  readonly topics: ReadonlySet<string>
  /** The `seq` of the last event that this client has, or needs not have. */
  cursor(): number
  /** Writes a live frame, once: a number at or below the cursor is old news. */
  deliver(frame: Frame): void
  /** Writes what of these frames, the next ones after the cursor, is for this client. */
  replay(frames: Frame[]): void
  /** Moves the cursor: there is nothing for this client up to `seq`. */
  skipTo(seq: number): void
  /** Tells the client to reload its state, and goes on from `seq`. */
  reset(seq: number): void
  /** Writes `bytes`, a beat that says that the client has everything up to `seq`. */
  beat(seq: number, bytes: Buffer): void
  /** Acts on a change of the viewer's rights; returns the topic that came or went, if one did. */
  applyRights(row: LogRow): TopicChange | null
}

export interface TopicChange {
  topic: string
  made: boolean
}

export function createSubscriber(
  connection: Connection,
  { viewer, home, rights, cursor }: { viewer: Viewer | null; home: boolean; rights: Rights; cursor: number },
): Subscriber {
  const topics = new Set([...rights.feeds, ...rights.pages, 'all'])
  if (viewer) topics.add(`user:${viewer.id}`)

  const subscriber: Subscriber = {
    viewer,
    connection,
    topics,
    cursor: () => cursor,
    deliver({ seq, bytes }) {
      if (seq <= cursor) return
      cursor = seq
      if (bytes) connection.write(bytes)
    },
    // Where rights change on the way, what was missed cannot be told event by event.
    replay(frames) {
      const last = frames.at(-1)
      if (last === undefined) return
      const missed = frames.filter((frame) => frame.topics.some((topic) => topics.has(topic)))
      const changes = missed.map(({ change }) => change && subscriber.applyRights(change))
      if (changes.some((change) => change !== null)) {
        subscriber.reset(last.seq)
        return
      }
      for (const frame of missed) subscriber.deliver(frame)
      subscriber.skipTo(last.seq)
    },
    skipTo(seq) {
      cursor = Math.max(cursor, seq)
    },
    reset(seq) {
      cursor = seq
      connection.write(encodeSse({ id: seq, event: 'reset', data: '{}' }))
    },
    beat(seq, bytes) {
      subscriber.skipTo(seq)
      connection.write(bytes)
    },
    applyRights(row) {
      if (row.seq <= cursor) return null
      if (row.event === 'session') {
        if (row.payload.session === viewer?.session) connection.end()
        return null
      }
      // What was granted by a membership is authorised anew: the client comes back with its cursor.
      if (rights.guarded) connection.end()
      if (!home) return null
      const topic = `feed:${String(row.payload.feed)}`
      const change = { topic, made: row.payload.action === 'made' || rights.pages.includes(topic) }
      if (change.made) topics.add(change.topic)
      else topics.delete(change.topic)
      return change
    },
  }
  return subscriber
}

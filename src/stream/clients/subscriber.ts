import type { Connection } from './connection.ts'
import type { Signals } from '../encoding/signals.ts'
import type { LogRow } from '../log/events.ts'
import type { Frame } from '../log/frame.ts'

/** The topics that a stream may show, read in one snapshot of the database. */
export interface Rights {
  /** Topics of the viewer's subscriptions, if the stream includes their home page. */
  feeds: string[]
  /** Topics of the requested pages. */
  pages: string[]
  /** Whether the viewer may see one of the pages only because of a membership. */
  guarded: boolean
  /** The `seq` at which the viewer's subscriptions last changed; 0 if that is long ago. */
  changedAt: number
}

export interface Viewer {
  id: string
  /** SHA-256 of the session id, in hex. */
  session: string
}

/**
 * `opening`: its rights are being read. `replaying`: it gets missed events. `live`: it gets events as they are relayed.
 */
export type State = 'opening' | 'replaying' | 'live'

/** One stream: its topics, its state and its cursor. */
export interface Subscriber {
  readonly viewer: Viewer | null
  readonly connection: Connection
  readonly topics: ReadonlySet<string>
  state(): State
  /** `seq` of the last event that this client has or does not need. */
  cursor(): number
  /** Sets the rights of the stream, and begins the replay after `cursor`. */
  start(rights: Rights, cursor: number): void
  goLive(): void
  /** Writes a frame. Ignores a number at or below the cursor, so that each frame is written once. */
  deliver(frame: Frame): void
  /** Moves the cursor: the log has no more events for this client up to `seq`. */
  skipTo(seq: number): void
  /** Makes the client load its state again; events continue after `seq`. */
  reset(seq: number): void
  /** Sends a beat, which shows that the connection works and moves the client's cursor. */
  beat(): void
  /** Applies a change of the viewer's rights in `seq` order. Returns the topic that was added or removed, if any. */
  applyRights(row: LogRow): TopicChange | null
  /**
   * Acts on a change of rights that cannot be applied in `seq` order: the stream is not live yet, or other events wait
   * before it. A stream that loses a right ends; its client reconnects with its cursor, and is authorized again.
   */
  receiveRights(row: LogRow): void
  /** Marks the rights as outdated, because they or the log changed while they were being read. */
  expire(): void
  isExpired(): boolean
}

export interface TopicChange {
  topic: string
  added: boolean
}

export function createSubscriber(
  connection: Connection,
  viewer: Viewer | null,
  home: boolean,
  signals: Signals,
): Subscriber {
  const topics = new Set(viewer ? [`user:${viewer.id}`] : [])
  let state: State = 'opening'
  let cursor = 0
  let expired = false
  let guarded = false
  let pages: string[] = []

  const isMySession = (row: LogRow): boolean =>
    row.event === 'session' && row.payload.session === viewer?.session
  const concernsMe = (row: LogRow): boolean => (row.event === 'session' ? isMySession(row) : home || guarded)

  const subscriber: Subscriber = {
    viewer,
    connection,
    topics,
    state: () => state,
    cursor: () => cursor,
    start(rights, from) {
      for (const topic of [...rights.feeds, ...rights.pages, 'all']) topics.add(topic)
      ;({ guarded, pages } = rights)
      cursor = from
      state = 'replaying'
    },
    goLive() {
      state = 'live'
    },
    deliver({ seq, block }) {
      if (seq <= cursor) return
      cursor = seq
      if (block !== null && block.length > 0) connection.write(block)
    },
    skipTo(seq) {
      cursor = Math.max(cursor, seq)
    },
    reset(seq) {
      cursor = seq
      connection.write(signals.reset(seq))
    },
    beat() {
      connection.write(signals.beat(cursor))
    },
    applyRights(row) {
      if (row.seq <= cursor || !concernsMe(row)) return null
      // A page that a membership opened is authorized again when the client reconnects with its cursor.
      if (row.event === 'session' || guarded) connection.end()
      if (row.event === 'session' || !home) return null
      const topic = `feed:${String(row.payload.feed)}`
      const added = row.payload.action === 'made' || pages.includes(topic)
      if (added) topics.add(topic)
      else topics.delete(topic)
      return { topic, added }
    },
    receiveRights(row) {
      if (state === 'opening') expired = true
      else if (row.seq > cursor && concernsMe(row)) {
        if (state === 'replaying' || row.payload.action === 'ended') connection.end()
      }
    },
    expire() {
      expired = true
    },
    isExpired: () => expired,
  }
  return subscriber
}

import { isRightsChange, type LogRow } from '../log/events.ts'
import { firstChunk, hasTopic, isOutdated, outdatedBy, toFrame, type Frame } from '../log/frame.ts'
import { createSignals, type Signals } from '../encoding/signals.ts'
import { createRing, type Ring } from './ring.ts'
import { createTopics } from './topics.ts'
import { createStreamCounts, type StreamCounts } from '../metrics.ts'
import type { Subscriber } from '../clients/subscriber.ts'

/** More than half of `MAX_WAITING_BYTES` of a connection. */
const CONGESTED_BYTES = 512 * 1024
/** A client that has taken nothing for this long does not count as one that reads. */
const NOT_READING_MS = 100

/** Relays events to the streams of this instance. Synchronous; buffers only the recent frames. */
export interface Hub {
  readonly signals: Signals
  readonly counts: StreamCounts
  /** Relays the next event. `seq` must grow. Returns the size of the frame in bytes. */
  relay(row: LogRow): number
  /** Acts on a change of rights that cannot be relayed yet; see `Subscriber.receiveRights`. */
  receiveEarly(row: LogRow): void
  /** Registers a stream for changes of its viewer's rights, before those are read. */
  add(subscriber: Subscriber): void
  remove(subscriber: Subscriber): void
  /**
   * Delivers the events that the subscriber missed, and makes it live. Returns false if it missed more than the ring
   * has, or more than may be written at once.
   */
  goLive(subscriber: Subscriber): boolean
  /** The frames after `seq`; null if the ring does not have all of them. */
  recent(seq: number): Frame[] | null
  /** Everything after this number is in the ring. */
  recentFloor(): number
  /** The log went back to an earlier state: every client must reload, and `seq` continues after this one. */
  reset(seq: number): void
  /** Fills the ring before the first event; `position` is where the instance starts. */
  preload(rows: LogRow[], position: number): void
  /** `seq` of the last event relayed. */
  position(): number
  /** How often the log went back to an earlier state. */
  epoch(): number
  subscribers(): Iterable<Subscriber>
  /** How many streams are open. */
  size(): number
  /** The share, from 0 to 1, of the clients that are reading which have much left to read. */
  congestion(): number
}

export interface HubOptions {
  ring?: Ring
  /** Gets the result of `outdatedBy` for each event that makes frames outdated. */
  onOutdated?: (outdated: string) => void
  /** Gets each event after it has been written to its clients. */
  onRelayed?: (row: LogRow) => void
}

export function createHub(options: HubOptions = {}): Hub {
  const { ring = createRing(), onOutdated = () => {}, onRelayed = () => {} } = options
  const recent = { ring, onOutdated }
  const topics = createTopics()
  const all = new Set<Subscriber>()
  const signals = createSignals()
  let position = 0
  let epoch = 0

  return {
    signals,
    counts: createStreamCounts(),
    relay(row) {
      position = row.seq
      const frame = keep(row, recent)
      topics.dispatch(frame)
      onRelayed(row)
      return frame.block?.length ?? 0
    },
    receiveEarly(row) {
      if (isRightsChange(row)) topics.receiveEarly(row)
    },
    add(subscriber) {
      all.add(subscriber)
      for (const topic of subscriber.topics()) topics.join(topic, subscriber)
    },
    remove(subscriber) {
      all.delete(subscriber)
      for (const topic of subscriber.topics()) topics.leave(topic, subscriber)
    },
    goLive(subscriber) {
      const wanted = subscriber.topics()
      const missed = missedFrames(ring, subscriber.cursor(), wanted)
      if (missed === null) return false
      for (const frame of missed) subscriber.deliver(frame)
      subscriber.skipTo(position)
      subscriber.goLive()
      for (const topic of wanted) topics.join(topic, subscriber)
      return true
    },
    recent: (seq) => ring.after(seq),
    recentFloor: () => ring.floor(),
    reset(seq) {
      epoch += 1
      position = seq
      ring.clear(seq)
      for (const subscriber of all) expire(subscriber, seq)
    },
    preload(rows, start) {
      const [oldest] = rows
      ring.clear(oldest ? oldest.seq - 1 : start)
      for (const row of rows) keep(row, recent)
      position = start
    },
    position: () => position,
    epoch: () => epoch,
    subscribers: () => all,
    size: () => [...all].filter((subscriber) => subscriber.state() !== 'opening').length,
    congestion: () => congestionOf(all),
  }
}

/** Adds an event to the recent ones. What it makes outdated must not be replayed. */
function keep(row: LogRow, { ring, onOutdated }: { ring: Ring; onOutdated(outdated: string): void }): Frame {
  const outdated = outdatedBy(row)
  if (outdated !== null) {
    ring.markOutdated(outdated)
    onOutdated(outdated)
  }
  const frame = toFrame(row)
  ring.push(frame)
  return frame
}

/** The frames after the cursor; null if the ring does not have all of them, or if they are too many for one write. */
function missedFrames(ring: Ring, cursor: number, topics: ReadonlySet<string>): Frame[] | null {
  const missed = ring.after(cursor)?.filter((frame) => hasTopic(frame, topics))
  if (!missed || missed.some(isOutdated) || firstChunk(missed).length < missed.length) return null
  return missed
}

/** The log went back. The rights may come from the lost state, so the client must be authorized again. */
function expire(subscriber: Subscriber, seq: number): void {
  if (subscriber.state() === 'opening') return subscriber.expire()
  subscriber.reset(seq)
  subscriber.connection.end()
}

function congestionOf(subscribers: Iterable<Subscriber>): number {
  let reading = 0
  let congested = 0
  for (const { connection } of subscribers) {
    if (connection.stalledFor() > NOT_READING_MS) continue
    reading += 1
    if (connection.waitingBytes() > CONGESTED_BYTES) congested += 1
  }
  return congested / Math.max(reading, 1)
}

import { encodeSse } from '../lib/sse.ts'
import type { LogRow } from './events.ts'
import { createRing, firstChunk, toFrame, type Frame, type Ring } from './ring.ts'
import type { Subscriber } from './subscriber.ts'

/** Relays events to the streams of this instance. Nothing in it waits: what it is given, it has handed on. */
export interface Hub {
  /** Hands on the next event; `seq` only ever grows. */
  relay(row: LogRow): void
  /** The database went back behind what was relayed: every client has to reload, and the numbers start again. */
  rewind(seq: number): void
  /** Counts the subscriber among those of this instance, from its opening on. */
  admit(subscriber: Subscriber): void
  /**
   * Delivers the little that the subscriber has missed, then everything live. False where it has missed more than may
   * be written at one go: `recent` has it, or the log.
   */
  attach(subscriber: Subscriber): boolean
  /** Whether all that came after `seq` is in the ring. */
  remembers(seq: number): boolean
  /** What came after `seq`, or null where that is further back than an instance remembers. */
  recent(seq: number): Frame[] | null
  detach(subscriber: Subscriber): void
  /** A beat for every stream that has been silent for `afterMs`. */
  beat(afterMs: number): void
  subscribers(): Iterable<Subscriber>
  size(): number
  /** `seq` of the last event relayed. */
  position(): number
  /** How often the database went back. */
  rewinds(): number
  /** Recent events for the ring, before the first relay; `position` is what the instance starts with. */
  preload(rows: LogRow[], position: number): void
}

export function createHub(ring: Ring = createRing()): Hub {
  const byTopic = new Map<string, Set<Subscriber>>()
  const all = new Set<Subscriber>()
  /** Those that have what they missed. */
  const live = new Set<Subscriber>()
  let position = 0
  let rewinds = 0

  function join(topic: string, subscriber: Subscriber): void {
    const members = byTopic.get(topic)
    if (members) members.add(subscriber)
    else byTopic.set(topic, new Set([subscriber]))
  }

  function leave(topic: string, subscriber: Subscriber): void {
    const members = byTopic.get(topic)
    members?.delete(subscriber)
    if (members?.size === 0) byTopic.delete(topic)
  }

  function changeRights(row: LogRow, subscriber: Subscriber): void {
    const change = subscriber.applyRights(row)
    if (change === null) return
    if (change.made) join(change.topic, subscriber)
    else leave(change.topic, subscriber)
    subscriber.reset(row.seq)
  }

  return {
    relay(row) {
      position = row.seq
      const frame = toFrame(row)
      ring.push(frame)
      for (const topic of row.topics) {
        for (const subscriber of byTopic.get(topic) ?? []) {
          if (frame.change) changeRights(row, subscriber)
          else subscriber.deliver(frame)
        }
      }
    },
    rewind(seq) {
      rewinds += 1
      position = seq
      ring.clear(seq)
      // Their rights may be those of the future that is lost: they come back, and are authorised anew.
      for (const subscriber of live) {
        subscriber.reset(seq)
        subscriber.connection.end()
      }
    },
    admit: (subscriber) => all.add(subscriber),
    attach(subscriber) {
      const missed = ring.after(subscriber.cursor())
      if (missed === null || firstChunk(missed).length < missed.length) return false
      subscriber.replay(missed)
      live.add(subscriber)
      for (const topic of subscriber.topics) join(topic, subscriber)
      return true
    },
    remembers: (seq) => seq >= ring.floor(),
    recent: (seq) => ring.after(seq),
    detach(subscriber) {
      all.delete(subscriber)
      live.delete(subscriber)
      for (const topic of subscriber.topics) leave(topic, subscriber)
    },
    beat(afterMs) {
      const bytes = Buffer.from(encodeSse({ id: position, event: 'beat', data: '{}' }))
      for (const subscriber of live) {
        // A client that came with a cursor from an instance that is ahead has a newer place than ours.
        if (subscriber.connection.idleFor() >= afterMs && subscriber.cursor() <= position) {
          subscriber.beat(position, bytes)
        }
      }
    },
    subscribers: () => all,
    size: () => all.size,
    position: () => position,
    rewinds: () => rewinds,
    preload(rows, start) {
      const oldest = rows[0]
      ring.clear(oldest ? oldest.seq - 1 : start)
      for (const row of rows) ring.push(toFrame(row))
      position = start
    },
  }
}

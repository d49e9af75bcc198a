import type { Logger } from 'pino'
import { randomBetween, systemClock, type Clock } from '../lib/clock.ts'
import type { Connection } from './clients/connection.ts'
import type { Hub } from './relay/hub.ts'
import type { Subscriber } from './clients/subscriber.ts'

/** A sweep looks at each stream once. Its ticks share the work, because 10,000 beats in one turn block for 0.1 s. */
const TICK_MS = 100
const TICKS_PER_SWEEP = 10
const BEAT_AFTER_MS = 15_000
/** A replay without events for its client sends beats, which move the client's cursor. */
const REPLAY_BEAT_AFTER_MS = 4_000
const STALLED_AFTER_MS = 10_000
/** A connection lasts for 8 to 10 minutes, which limits the cost of unreachable clients and outdated sessions. */
const MAX_AGE_MS: [number, number] = [8 * 60_000, 10 * 60_000]
const RECHECK_MS = 60_000
/** Streams end over this time, so that their clients do not all reconnect in the same moment. */
const DRAIN_MS = 3_000
const DRAIN_BATCHES = 30

/** Sends beats, and ends streams that are old, stalled or without a live session. One timer serves all streams. */
export interface Lifecycle {
  /** Ends every stream in batches over a few seconds, and waits until they are closed. */
  drain(): Promise<void>
  stop(): void
}

export interface LifecycleOptions {
  hub: Hub
  /** Returns the given session hashes (SHA-256 in hex) whose sessions are still alive. */
  findActiveSessions(hashes: string[]): Promise<Set<string>>
  log: Logger
  clock?: Clock
  recheckEveryMs?: number
  stalledAfterMs?: number
  maxAgeMs?: [least: number, most: number]
}

export function startLifecycle({
  hub,
  findActiveSessions,
  log,
  clock = systemClock,
  recheckEveryMs = RECHECK_MS,
  stalledAfterMs = STALLED_AFTER_MS,
  maxAgeMs = MAX_AGE_MS,
}: LifecycleOptions): Lifecycle {
  const endsAt = new WeakMap<Subscriber, number>()
  let sweep: Subscriber[] = []
  /** Ticks of this sweep so far. */
  let ticks = 0

  function tick(): void {
    const now = clock.now()
    if (ticks === 0) sweep = [...hub.subscribers()]
    const share = Math.ceil(sweep.length / TICKS_PER_SWEEP)
    const part = sweep.slice(ticks * share, (ticks + 1) * share)
    ticks = (ticks + 1) % TICKS_PER_SWEEP
    for (const subscriber of part) {
      if (subscriber.state() === 'opening') continue
      const { connection } = subscriber
      const end = endsAt.get(subscriber)
      if (end === undefined) endsAt.set(subscriber, now + randomBetween(clock, ...maxAgeMs))
      else if (now >= end) connection.end()
      if (connection.stalledFor() < stalledAfterMs) beat(subscriber, hub)
      else {
        hub.counts.slowClients.stalled += 1
        connection.destroy()
      }
    }
  }

  /** Ends the streams of expired sessions, which the log does not report. */
  async function recheckSessions(): Promise<void> {
    const signedIn = [...hub.subscribers()].filter((subscriber) => subscriber.viewer !== null)
    const hashes = new Set(signedIn.map((subscriber) => subscriber.viewer!.session))
    if (hashes.size === 0) return
    const live = await findActiveSessions([...hashes])
    for (const { viewer, connection } of signedIn) if (!live.has(viewer!.session)) connection.end()
  }

  const stopTicking = clock.every(TICK_MS, tick)
  const stopRechecking = clock.every(recheckEveryMs, () => {
    recheckSessions().catch((error: unknown) =>
      log.warn({ err: error }, 'the sessions of open streams could not be checked'),
    )
  })

  return {
    drain: () => drain([...hub.subscribers()], clock),
    stop() {
      stopTicking()
      stopRechecking()
    },
  }
}

function beat(subscriber: Subscriber, hub: Hub): void {
  const isLive = subscriber.state() === 'live'
  if (subscriber.connection.idleFor() < (isLive ? BEAT_AFTER_MS : REPLAY_BEAT_AFTER_MS)) return
  if (isLive) subscriber.skipTo(hub.position())
  subscriber.beat()
}

async function drain(open: Subscriber[], clock: Clock): Promise<void> {
  const batch = Math.ceil(open.length / DRAIN_BATCHES)
  for (let start = 0; start < open.length; start += batch) {
    for (const { connection } of open.slice(start, start + batch)) connection.end()
    await new Promise<void>((resolve) => clock.after(DRAIN_MS / DRAIN_BATCHES, resolve))
  }
  // The HTTP server does not wait for them.
  await Promise.all(open.map(({ connection }) => untilClosed(connection)))
}

function untilClosed(connection: Connection): Promise<void> {
  return new Promise((resolve) => (connection.closed() ? resolve() : connection.onClose(resolve)))
}

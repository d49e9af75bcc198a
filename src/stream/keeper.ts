import type { Logger } from 'pino'
import type { Hub } from './hub.ts'
import { between } from './connection.ts'
import type { Subscriber } from './subscriber.ts'

const TICK_MS = 1_000
const BEAT_AFTER_MS = 15_000
const STALLED_AFTER_MS = 10_000
/** A connection lives for 8 to 10 minutes: it bounds what a dead peer or an outdated sign-in can cost. */
const MAX_AGE_MS: [number, number] = [8 * 60_000, 10 * 60_000]
const DRAIN_MS = 3_000
const DRAIN_BATCHES = 30

const RECHECK_MS = 60_000

/** Looks after the connections of an instance, with one timer for all. */
export interface Keeper {
  /** Ends every stream in batches over a few seconds, so that their clients do not all come back at once. */
  drain(): Promise<void>
  stop(): void
}

export function keepStreams({
  hub,
  liveSessions,
  log,
  recheckEveryMs = RECHECK_MS,
  stalledAfterMs = STALLED_AFTER_MS,
  maxAgeMs = MAX_AGE_MS,
}: {
  hub: Hub
  /** Which of these sessions, by hash in hex, are not over. */
  liveSessions(hashes: string[]): Promise<Set<string>>
  log: Logger
  recheckEveryMs?: number
  stalledAfterMs?: number
  maxAgeMs?: [least: number, most: number]
}): Keeper {
  const endsAt = new WeakMap<Subscriber, number>()

  function tick(): void {
    hub.beat(BEAT_AFTER_MS)
    const now = Date.now()
    for (const subscriber of hub.subscribers()) {
      const end = endsAt.get(subscriber)
      if (end === undefined) endsAt.set(subscriber, now + between(...maxAgeMs))
      else if (now >= end) subscriber.connection.end()
      if (subscriber.connection.stalledFor() >= stalledAfterMs) subscriber.connection.destroy()
    }
  }

  /** A session that expires is no event: it ends its streams here. */
  async function recheck(): Promise<void> {
    const signedIn = [...hub.subscribers()].filter((subscriber) => subscriber.viewer !== null)
    const hashes = new Set(signedIn.map((subscriber) => subscriber.viewer!.session))
    if (hashes.size === 0) return
    const live = await liveSessions([...hashes])
    for (const { viewer, connection } of signedIn) if (!live.has(viewer!.session)) connection.end()
  }

  const timer = setInterval(tick, TICK_MS)
  const recheckTimer = setInterval(() => {
    recheck().catch((error: unknown) =>
      log.warn({ err: error }, 'the sessions of open streams could not be checked'),
    )
  }, recheckEveryMs)

  return {
    async drain() {
      const open = [...hub.subscribers()]
      const batch = Math.ceil(open.length / DRAIN_BATCHES)
      for (let start = 0; start < open.length; start += batch) {
        for (const subscriber of open.slice(start, start + batch)) subscriber.connection.end()
        await new Promise((resolve) => setTimeout(resolve, DRAIN_MS / DRAIN_BATCHES))
      }
    },
    stop() {
      clearInterval(timer)
      clearInterval(recheckTimer)
    },
  }
}

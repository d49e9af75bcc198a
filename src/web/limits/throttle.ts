import { createCounter } from '../../lib/counter.ts'
import { sql, type Db } from '../../db/pool.ts'
import { TooMany } from '../../lib/errors.ts'
import type { LimitName, Limits } from './limits.ts'

// Durations in seconds.
export const MINUTE = 60
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** A rate limit: `max` actions in a fixed window of `seconds`. The first action starts the window. */
export interface Rate {
  /** Names the count in the table `throttles` and in the log. Features that use the same key share one count. */
  key: string
  /** The name in `LIMITS` whose number replaces `max`. */
  limit: LimitName
  max: number
  seconds: number
  /** Multiplies the number of `LIMITS`, for a name that several rates use. */
  scale?: number
  /** Each instance counts in its own memory. For actions so frequent that one write per action would cost too much. */
  inMemory?: true
}

/** The maximum number of subjects that one instance counts in its memory. */
const MAX_COUNTED = 20_000

/**
 * Counts one action of `subject` (a user's id, a network, a device).
 * @throws TooMany with the seconds until the window ends, if the subject has reached the limit
 */
export type Throttle = (rate: Rate, subject: string) => Promise<void>

/**
 * Counts in PostgreSQL, so that all instances share the counts. Rejected actions do not count and do not extend the
 * window. The count is not part of the change that it protects, so it does not use `write`: one statement, one round
 * trip, and no flush to disk, because the table is unlogged.
 */
export function createThrottle(db: Db, limits: Limits): Throttle {
  const counter = createCounter({ size: MAX_COUNTED })
  return async (rate, subject) => {
    const max = maxOf(rate, limits)
    if (max === null) return
    const key = `${rate.key}:${subject}`
    const { hits, seconds } = rate.inMemory
      ? counter.hit(key, rate.seconds)
      : await hit(key, rate.seconds, max)
    if (hits > max) throw tooOften(Math.max(1, seconds), rate.key)
  }

  function hit(key: string, window: number, max: number): Promise<{ hits: number; seconds: number }> {
    return db.one(sql.row<{ hits: number; seconds: number }>()`
      insert into throttles as t (key, hits, ends_at)
      values (${key}, 1, now() + ${window} * interval '1 second')
      on conflict (key) do update set
        hits = case when t.ends_at <= now() then 1 else least(t.hits, ${max}) + 1 end,
        ends_at = case when t.ends_at <= now() then excluded.ends_at else t.ends_at end
      returning hits, ceil(extract(epoch from ends_at - now()))::int as seconds`)
  }
}

function tooOften(seconds: number, limit: string): TooMany {
  return new TooMany(`You did this too often. Try again in ${duration(seconds)}.`, seconds, limit)
}

/** `47 seconds`, `3 minutes`, `2 hours`: rounded up, so that an attempt after this time succeeds. */
export function duration(seconds: number): string {
  const [count, unit] =
    seconds < 2 * MINUTE
      ? [seconds, 'second']
      : seconds < 2 * HOUR
        ? [Math.ceil(seconds / MINUTE), 'minute']
        : [Math.ceil(seconds / HOUR), 'hour']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** Deletes the counts of windows that have ended. */
export async function deleteExpiredThrottles(db: Db): Promise<void> {
  await db.query(sql.command`delete from throttles where ends_at < now()`)
}

/** Null means no limit. */
function maxOf({ limit, max, scale = 1 }: Rate, limits: Limits): number | null {
  if (limits === 'off') return null
  const configured = limits[limit]
  if (configured === undefined) return max
  return configured === 0 ? null : Math.ceil(configured * scale)
}

import { createCounter } from '../lib/counter.ts'
import { sql, type Db } from '../db/pool.ts'
import { TooMany } from '../lib/errors.ts'

/** How often something may be done in a window that begins with the first time; then it may be done again. */
interface Rate {
  /** Which number of `LIMITS` replaces the built-in one; `scale` times it where several stand for one name. */
  name: string
  number: number
  seconds: number
  scale?: number
  /** Each instance counts in its memory: for what is done so often that a write for each would cost too much. */
  local?: true
}

const MINUTE = 60
const HOUR = 60 * MINUTE

const RATES = {
  /** Attempts of one network. */
  signins: { name: 'signins', number: 10, seconds: 3 * MINUTE },
  /** Attempts on one account of all devices that never signed in to it. */
  account: { name: 'signins', number: 25, seconds: HOUR, scale: 2.5 },
  /** Attempts of one device on an account that it has signed in to. */
  device: { name: 'signins', number: 10, seconds: HOUR },
  /** Password checks in one session. */
  session: { name: 'signins', number: 25, seconds: HOUR, scale: 2.5 },
  signups: { name: 'signups', number: 5, seconds: 30 * MINUTE },
  posts: { name: 'posts', number: 300, seconds: 3 * HOUR },
  comments: { name: 'posts', number: 300, seconds: 3 * HOUR },
  /** Of posts and comments together. */
  edits: { name: 'edits', number: 300, seconds: 3 * HOUR },
  /** Of posts and comments together. */
  likes: { name: 'likes', number: 1_000, seconds: HOUR, local: true },
  follows: { name: 'follows', number: 400, seconds: 24 * HOUR },
  groups: { name: 'groups', number: 20, seconds: 24 * HOUR },
  joins: { name: 'joins', number: 400, seconds: 24 * HOUR },
  /** Requests that an owner answers, members that an owner removes or makes owners. */
  moderation: { name: 'moderation', number: 1_000, seconds: 3 * HOUR },
  profiles: { name: 'profiles', number: 60, seconds: HOUR },
  renames: { name: 'renames', number: 10, seconds: 24 * HOUR },
  uploads: { name: 'uploads', number: 30, seconds: 30 * MINUTE },
} satisfies Record<string, Rate>

/** People whom one instance counts in its memory. */
const MAX_COUNTED = 20_000

export type RateName = keyof typeof RATES

/** Numbers by name that replace the built-in ones (0: no limit), or `off` for no limit at all. */
export type Numbers = 'off' | Partial<Record<string, number>>

/** Counts one more of what `who` does. Throws TooMany where that is one too many, with the seconds to wait. */
export type Throttle = (rate: RateName, who: string) => Promise<void>

/**
 * Counts in Postgres, so that all instances count together. What is refused is not counted, and the window never moves:
 * whoever goes on trying is let in again when it ends. The count is not part of the change that it guards, so it does
 * not go through `write`: one statement, one round trip, no flush (the table is unlogged).
 */
export function createThrottle(db: Db, numbers: Numbers): Throttle {
  const counter = createCounter({ size: MAX_COUNTED })
  return async (name, who) => {
    const rate: Rate = RATES[name]
    const allowed = allowedBy(rate, numbers)
    if (allowed === null) return
    const key = `${name}:${who}`
    const { hits, seconds } = rate.local
      ? counter.hit(key, rate.seconds)
      : await hit(key, rate.seconds, allowed)
    if (hits > allowed) throw new TooMany(undefined, Math.max(1, seconds), name)
  }

  function hit(key: string, window: number, allowed: number): Promise<{ hits: number; seconds: number }> {
    return db.one(sql.row<{ hits: number; seconds: number }>()`
      insert into throttles as t (key, hits, ends_at)
      values (${key}, 1, now() + ${window} * interval '1 second')
      on conflict (key) do update set
        hits = case when t.ends_at <= now() then 1 else least(t.hits, ${allowed}) + 1 end,
        ends_at = case when t.ends_at <= now() then excluded.ends_at else t.ends_at end
      returning hits, ceil(extract(epoch from ends_at - now()))::int as seconds`)
  }
}

/** Forgets windows that are over. */
export async function deleteExpiredThrottles(db: Db): Promise<void> {
  await db.query(sql.unsafe`delete from throttles where ends_at < now()`)
}

function allowedBy({ name, number, scale = 1 }: Rate, numbers: Numbers): number | null {
  if (numbers === 'off') return null
  const given = numbers[name]
  if (given === undefined) return number
  return given === 0 ? null : Math.ceil(given * scale)
}

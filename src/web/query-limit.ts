import type { Next } from 'koa'
import { runWithQueryLimit } from '../db/query-slots.ts'
import { networkOf } from './address.ts'
import { TooMany } from '../lib/errors.ts'
import { createKeyedSlots } from '../lib/slots.ts'
import type { Context } from './context.ts'

/** Half of the pool, so one person's requests never take all connections. */
const QUERIES_AT_A_TIME = 5
const WAITING_QUERIES = 300

export interface QueryLimit {
  /** Counts for the network, before the session is known: pictures, and the query that finds the session. */
  beforeSession(ctx: Context, next: Next): Promise<void>
  /**
   * Counts for the person who is signed in, otherwise for the network; apart from the above, so that anonymous visitors of
   * a network do not keep others there from their sessions.
   */
  afterSession(ctx: Context, next: Next): Promise<void>
}

/**
 * Bounds the queries that one person, or one network, runs at a time on this instance. More wait; beyond a bounded queue,
 * and after `maxWait`, they get TooMany.
 */
export function createQueryLimit(limits: 'off' | { queries?: number }): QueryLimit {
  const size = limits === 'off' ? 0 : (limits.queries ?? QUERIES_AT_A_TIME)
  const refusal = () => new TooMany('Too many requests at the same time. Please try again.', 2, 'queries')
  const slots = createKeyedSlots({ size, waiting: WAITING_QUERIES, refusal })
  const count = (key: string, next: Next): Promise<void> =>
    size === 0 ? next() : runWithQueryLimit((maxWait) => slots.take(key, maxWait), next)
  return {
    beforeSession: ({ ip }, next) => count(`before:${networkOf(ip)}`, next),
    afterSession: ({ ip, state: { me } }, next) =>
      count(me ? `user:${me.id}` : `network:${networkOf(ip)}`, next),
  }
}

import type { Next } from 'koa'
import { runWithQueryLimit } from '../../db/query-slots.ts'
import { networkOf } from '../address.ts'
import { TooMany } from '../../lib/errors.ts'
import { createKeyedSlots } from '../../lib/slots.ts'
import type { Context } from '../context.ts'

/** Half of the pool, so that the requests of one user never take all connections. */
const MAX_CONCURRENT = 5
const MAX_WAITING = 300

export interface QueryLimit {
  /** Counts per network, before the session is known: for pictures, and for the query that finds the session. */
  beforeSession(ctx: Context, next: Next): Promise<void>
  /**
   * Counts per signed-in user, or per network for anonymous visitors. These counts are separate from the ones above, so
   * that anonymous visitors cannot block the session look-ups of other people in their network.
   */
  afterSession(ctx: Context, next: Next): Promise<void>
}

/**
 * Limits the concurrent queries of one user or network on this instance. Further queries wait in a bounded queue. A
 * query that finds the queue full, or waits longer than `maxWait`, throws TooMany.
 */
export function createQueryLimit(limits: 'off' | { queries?: number }): QueryLimit {
  const size = limits === 'off' ? 0 : (limits.queries ?? MAX_CONCURRENT)
  const createError = () => new TooMany('Too many requests at the same time. Please try again.', 2, 'queries')
  const slots = createKeyedSlots({ size, waiting: MAX_WAITING, createError })
  const count = (key: string, next: Next): Promise<void> =>
    size === 0 ? next() : runWithQueryLimit((maxWait) => slots.take(key, maxWait), next)
  return {
    beforeSession: ({ ip }, next) => count(`before:${networkOf(ip)}`, next),
    afterSession: ({ ip, state: { me } }, next) =>
      count(me ? `user:${me.id}` : `network:${networkOf(ip)}`, next),
  }
}

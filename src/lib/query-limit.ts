import { AsyncLocalStorage } from 'node:async_hooks'
import type { Next } from 'koa'
import { networkOf } from './address.ts'
import { TooMany } from './errors.ts'
import { createKeyedSlots } from './slots.ts'
import type { Visit } from './visit.ts'

/** Half of the pool, so one person's requests never take all connections. */
const QUERIES_AT_A_TIME = 5
const WAITING_QUERIES = 100

type Take = (maxWait: number) => Promise<() => void>

const current = new AsyncLocalStorage<Take | null>()

/**
 * Bounds the queries that one person, or the anonymous visitors of one network, run at a time on this instance. More wait;
 * beyond a bounded queue, and after `maxWait`, they get TooMany. Comes after the session is known.
 */
export function limitQueries(limits: 'off' | { queries?: number }) {
  const size = limits === 'off' ? 0 : (limits.queries ?? QUERIES_AT_A_TIME)
  const refusal = () => new TooMany('Too many requests at the same time. Please try again.', 2, 'queries')
  const slots = createKeyedSlots({ size, waiting: WAITING_QUERIES, refusal })
  return async ({ state, ip }: Visit, next: Next): Promise<void> => {
    if (size === 0) return next()
    const key = state.me ? `user:${state.me.id}` : `network:${networkOf(ip)}`
    await current.run((maxWait) => slots.take(key, maxWait), next)
  }
}

/** Waits until the person of this request may run one more query. Returns the function to call when it is done. */
export async function takeQuery(maxWait: number): Promise<() => void> {
  return (await current.getStore()?.(maxWait)) ?? (() => {})
}

/** Runs work whose query was counted by `takeQuery` already. */
export function withinQuery<T>(work: () => T): T {
  return current.run(null, work)
}

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Next } from 'koa'
import { Unavailable } from './errors.ts'

/** How long a request waits for the database in all, whatever it asks of it: a refusal comes within 5 s. */
const PATIENCE_MS = 4_500

interface Budget {
  left: number
  /** Calls under way; the clock runs while there is one, and not twice for two. */
  calls: number
  since: number
}

const budgets = new AsyncLocalStorage<Budget | null>()

/** From here on, all that a request asks of the database shares one budget of time. */
export async function patient(_ctx: unknown, next: Next): Promise<void> {
  await budgets.run(newBudget(), next)
}

/** For work of many transactions: each of its calls has a budget of its own. */
export function unhurried<T>(work: () => T): T {
  return budgets.run(null, work)
}

/**
 * Does `work`, which is given the milliseconds that are left, at the cost of the request's budget. Throws Unavailable
 * once nothing is left. What was begun goes on then, but nobody waits for it.
 */
export async function spend<T>(work: (left: number) => Promise<T>): Promise<T> {
  const budget = budgets.getStore() ?? newBudget()
  const now = performance.now()
  if (budget.calls++ === 0) budget.since = now
  const left = budget.left - (now - budget.since)
  const { promise: inVain, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Unavailable()), Math.max(left, 0))
  try {
    if (left <= 0) throw new Unavailable()
    return await Promise.race([work(left), inVain])
  } finally {
    clearTimeout(timer)
    if (--budget.calls === 0) budget.left -= performance.now() - budget.since
  }
}

function newBudget(): Budget {
  return { left: PATIENCE_MS, calls: 0, since: 0 }
}

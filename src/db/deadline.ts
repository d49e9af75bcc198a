import { AsyncLocalStorage } from 'node:async_hooks'
import { Unavailable } from '../lib/errors.ts'

/** What all database calls of one request may take together, so that a refusal comes within 5 s. */
const DEADLINE_MS = 4_500

interface Budget {
  left: number
  /** Calls in progress; the clock runs while there is at least one. */
  calls: number
  since: number
}

const budgets = new AsyncLocalStorage<Budget | null>()

/** Middleware: all database calls of a request share one budget of time. */
export async function withRequestDeadline(_ctx: unknown, next: () => Promise<unknown>): Promise<void> {
  await budgets.run(newBudget(), next)
}

/** Runs work of many transactions: each database call has a budget of its own. */
export function withoutDeadline<T>(work: () => T): T {
  return budgets.run(null, work)
}

/**
 * Runs `work` at the cost of the request's budget, and gives it the milliseconds that are left. After the deadline the
 * caller gets Unavailable; work that has begun continues without it.
 */
export async function withinDeadline<T>(work: (left: number) => Promise<T>): Promise<T> {
  const budget = budgets.getStore() ?? newBudget()
  const now = performance.now()
  if (budget.calls++ === 0) budget.since = now
  const left = budget.left - (now - budget.since)
  const { promise: expired, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Unavailable()), Math.max(left, 0))
  try {
    if (left <= 0) throw new Unavailable()
    return await Promise.race([work(left), expired])
  } finally {
    clearTimeout(timer)
    if (--budget.calls === 0) budget.left -= performance.now() - budget.since
  }
}

function newBudget(): Budget {
  return { left: DEADLINE_MS, calls: 0, since: 0 }
}

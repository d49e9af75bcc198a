import { AsyncLocalStorage } from 'node:async_hooks'
import { Unavailable } from '../lib/errors.ts'

/** The time that all database calls of one request may take in total, so that a client gets 503 within 5 s. */
const DEADLINE_MS = 4_500

interface Budget {
  /** Milliseconds. */
  left: number
  /** Calls in progress. The budget decreases while there is at least one. */
  calls: number
  /** When the first of these calls started. */
  since: number
}

const budgets = new AsyncLocalStorage<Budget | null>()

/** Middleware: all database calls of a request share one time budget. */
export async function withRequestDeadline(_ctx: unknown, next: () => Promise<unknown>): Promise<void> {
  await budgets.run(newBudget(), next)
}

/** Runs work with many transactions. Each database call in it has a separate budget. */
export function withoutDeadline<T>(work: () => T): T {
  return budgets.run(null, work)
}

/**
 * Runs `work` within the request's time budget. `left` is the rest of the budget in milliseconds. Work that has started
 * continues after the deadline, but its result is lost.
 * @throws Unavailable after the deadline
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

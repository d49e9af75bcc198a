import { Unavailable } from './errors.ts'

/**
 * Runs `work` when fewer than `running` others run.
 * @throws Unavailable if too many are waiting already
 */
export interface Limiter {
  <T>(work: () => Promise<T>): Promise<T>
  running(): number
  waiting(): number
}

/** Limits concurrent work that uses a thread or much memory: at most `running` run, and at most `waiting` wait. */
export function createLimiter(running: number, waiting: number): Limiter {
  const queue: (() => void)[] = []
  let free = running
  const limit = async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else if (queue.length >= waiting) throw new Unavailable()
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else free++
    }
  }
  return Object.assign(limit, { running: () => running - free, waiting: () => queue.length })
}

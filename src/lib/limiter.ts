import { Unavailable } from './errors.ts'

/** Does a piece of work when its turn comes. Throws Unavailable where too many wait already. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>

/** Work that holds a thread or much memory: at most `running` at once; beyond `waiting` another one is refused. */
export function createLimiter(running: number, waiting: number): Limiter {
  const queue: (() => void)[] = []
  let free = running
  return async (work) => {
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
}

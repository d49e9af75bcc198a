import { TooMany, Unavailable } from './errors.ts'

/** Does a piece of work when its turn comes. Throws Unavailable where too many wait already. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>

/** Work that holds a thread or much memory: at most `running` at once; beyond `waiting` another one is refused. */
export function createQueue(running: number, waiting: number): Turn {
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

/** Runs work of one person. Throws TooMany if too much of theirs runs already. */
export type Share = <T>(who: string, work: () => Promise<T>) => Promise<T>

/** Runs at most `max` pieces of work of one person at the same time, so that nobody fills a queue that all share. */
export function createShare(max: number, limit: string): Share {
  const running = new Map<string, number>()
  return async (who, work) => {
    const count = running.get(who) ?? 0
    if (count >= max) throw new TooMany('Please wait until the others are done.', 5, limit)
    running.set(who, count + 1)
    try {
      return await work()
    } finally {
      const left = (running.get(who) ?? 1) - 1
      if (left === 0) running.delete(who)
      else running.set(who, left)
    }
  }
}

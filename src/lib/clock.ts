/** Time, timers and random numbers as a dependency, so that the simulation can replace them. */
export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number
  /** From 0 up to, not including, 1. */
  random(): number
  /** Runs once after `ms` milliseconds; returns how to cancel it. */
  after(ms: number, run: () => void): () => void
  /** Runs every `ms` milliseconds; returns how to cancel it. */
  every(ms: number, run: () => void): () => void
  /** Runs after the I/O that is ready now has been handled; returns how to cancel it. */
  nextTurn(run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  every(ms, run) {
    const timer = setInterval(run, ms)
    return () => clearInterval(timer)
  },
  nextTurn(run) {
    const immediate = setImmediate(run)
    return () => clearImmediate(immediate)
  },
}

/** A random whole number from `low` to `high`, both included. */
export function randomBetween({ random }: Pick<Clock, 'random'>, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1))
}

/** Time, timers and random numbers. They are a dependency, so that the simulation can replace them. */
export interface Clock {
  /** Milliseconds since an arbitrary start; only differences are meaningful. */
  now(): number
  /** At least 0, less than 1. */
  random(): number
  /** Calls `run` once after `ms` milliseconds. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void
  /** Calls `run` every `ms` milliseconds. Returns a function that stops it. */
  every(ms: number, run: () => void): () => void
  /** Calls `run` after the I/O that is ready now (setImmediate). Returns a function that cancels it. */
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

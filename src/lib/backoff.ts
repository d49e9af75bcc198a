export interface Backoff {
  /** Returns the delay before the next attempt, in milliseconds. */
  next(): number
  /** Starts again with the first delay. */
  reset(): void
}

/** Delays that double from `first` to `max` ms, each shortened by a random part of up to one half (jitter). */
export function createBackoff({
  first,
  max,
  random = Math.random,
}: {
  first: number
  max: number
  random?: () => number
}): Backoff {
  let delay = first
  return {
    next() {
      const current = delay
      delay = Math.min(2 * delay, max)
      return Math.round(current * (1 - random() / 2))
    },
    reset() {
      delay = first
    },
  }
}

export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number
  reset(): void
}

/** Delays that double from `first` to `most` ms. Each is cut by up to a half at random, so that attempts spread out. */
export function createBackoff({
  first,
  most,
  random = Math.random,
}: {
  first: number
  most: number
  random?: () => number
}): Backoff {
  let delay = first
  return {
    next() {
      const current = delay
      delay = Math.min(2 * delay, most)
      return Math.round(current * (1 - random() / 2))
    },
    reset() {
      delay = first
    },
  }
}

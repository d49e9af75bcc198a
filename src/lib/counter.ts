interface Window {
  hits: number
  endsAt: number
}

export interface Counter {
  /** Counts one more hit of the key, and returns the hits in its window and the seconds until that ends. */
  hit(key: string, seconds: number): { hits: number; seconds: number }
  size(): number
}

/**
 * Counts in the memory of this process. A full counter drops the key whose window began first, so its memory is
 * bounded; `size` must exceed the number of people who are active within a window.
 */
export function createCounter({ size, now = Date.now }: { size: number; now?: () => number }): Counter {
  const windows = new Map<string, Window>()

  function open(key: string, seconds: number): Window {
    windows.delete(key)
    const [oldest] = windows.keys()
    if (windows.size >= size && oldest !== undefined) windows.delete(oldest)
    const window = { hits: 0, endsAt: now() + seconds * 1000 }
    windows.set(key, window)
    return window
  }

  return {
    hit(key, seconds) {
      const known = windows.get(key)
      const window = known && known.endsAt > now() ? known : open(key, seconds)
      window.hits += 1
      return { hits: window.hits, seconds: Math.ceil((window.endsAt - now()) / 1000) }
    },
    size: () => windows.size,
  }
}

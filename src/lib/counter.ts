interface Window {
  hits: number
  endsAt: number
}

export interface Counter {
  /**
   * Counts one hit of the key. The first hit starts a window of `seconds`. Returns the hits in the window, and the
   * seconds until it ends.
   */
  hit(key: string, seconds: number): { hits: number; seconds: number }
  size(): number
}

/**
 * Counts hits in memory, for up to `size` keys. A full counter removes the key whose window started first, so `size`
 * must be greater than the number of users who are active within one window.
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

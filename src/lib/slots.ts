import { Unavailable, type HttpError } from './errors.ts'

export interface SlotOptions {
  /** Holders at a time. */
  size: number
  /** Waiters at a time; one more is refused at once. */
  waiting: number
  refusal?: () => HttpError
}

export interface Slots {
  /** Waits up to `maxWait` ms for a free slot, in order of arrival. Returns the function that releases it. */
  take(maxWait: number): Promise<() => void>
  isUnused(): boolean
}

/** A bounded number of holders, and a bounded queue of those that wait. A refused waiter has left the queue. */
export function createSlots({ size, waiting, refusal = () => new Unavailable() }: SlotOptions): Slots {
  const queue = new Set<() => void>()
  let taken = 0

  function release(): void {
    const [next] = queue
    if (!next) taken -= 1
    else {
      queue.delete(next)
      next()
    }
  }

  async function turn(maxWait: number): Promise<void> {
    if (queue.size >= waiting) throw refusal()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    queue.add(resolve)
    const timer = setTimeout(() => {
      if (queue.delete(resolve)) reject(refusal())
    }, maxWait)
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async take(maxWait) {
      if (taken < size) taken += 1
      else await turn(maxWait)
      let held = true
      return () => {
        if (held) release()
        held = false
      }
    },
    isUnused: () => taken === 0,
  }
}

export interface KeyedSlots {
  take(key: string, maxWait: number): Promise<() => void>
}

/** Separate slots for each key; a key that is not in use takes no memory. */
export function createKeyedSlots(options: SlotOptions): KeyedSlots {
  const byKey = new Map<string, Slots>()
  return {
    async take(key, maxWait) {
      const slots = byKey.get(key) ?? createSlots(options)
      byKey.set(key, slots)
      const release = await slots.take(maxWait)
      return () => {
        release()
        if (slots.isUnused()) byKey.delete(key)
      }
    },
  }
}

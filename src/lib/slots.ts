import { Unavailable, type HttpError } from './errors.ts'

export interface SlotOptions {
  /** The maximum number of taken slots. */
  size: number
  /** The maximum number of waiters. Further ones are rejected at once. */
  waiting: number
  /** The error of a rejected waiter; Unavailable by default. */
  createError?: () => HttpError
}

export interface Slots {
  /**
   * Waits up to `maxWait` ms for a free slot, in order of arrival. Returns the function that releases the slot.
   * @throws the error of `createError` if the queue is full or the wait times out
   */
  take(maxWait: number): Promise<() => void>
  isUnused(): boolean
}

/** A semaphore with a bounded queue. */
export function createSlots({ size, waiting, createError = () => new Unavailable() }: SlotOptions): Slots {
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

  async function wait(maxWait: number): Promise<void> {
    if (queue.size >= waiting) throw createError()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    queue.add(resolve)
    const timer = setTimeout(() => {
      if (queue.delete(resolve)) reject(createError())
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
      else await wait(maxWait)
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

/** Separate slots per key. Keys without taken slots use no memory. */
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

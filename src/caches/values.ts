import { LRUCache } from 'lru-cache'
import type { Caches } from './caches.ts'
import type { Changes } from './changes.ts'

/** The result of `read`, from one snapshot of the database. */
export interface ReadValue<Value> {
  seq: number
  /** Null if there is nothing. */
  value: Value | null
  /** For how many milliseconds the value may be cached; 0 for not at all. */
  maxAge: number
}

export interface ValuesDeps<Value> {
  caches: Pick<Caches, 'position' | 'changes' | 'lookups'>
  /** Names the cache in the metrics. */
  name: keyof Caches['lookups']
  read(key: string): Promise<ReadValue<Value>>
  /** Whether an event after `seq` may have changed the value. */
  hasChanged(value: Value, since: { key: string; seq: number; changes: Changes }): boolean
  /** Beyond it, the values that were used least recently are dropped. */
  max: number
}

/** A cache of values that are read together with the `seq` of their snapshot. Events of the log invalidate them. */
export interface Values<Value> {
  /**
   * Returns the cached value, or reads it. A cached value contains every change that was committed more than 1.5 s ago,
   * and those up to `seq`. Do not change it.
   */
  get(key: string, seq?: number): Promise<Value | null>
  /** Whether an event that has been accepted since may have changed a value that `get` returned. */
  isOutdated(value: Value): boolean
  delete(key: string): void
}

export function createValues<Value extends object>({
  caches,
  name,
  read,
  hasChanged,
  max,
}: ValuesDeps<Value>): Values<Value> {
  const cached = new LRUCache<string, Value>({ max })
  /** The event up to which each value is known to be correct. */
  const known = new WeakMap<Value, { key: string; seq: number; epoch: number }>()

  function isOutdated(value: Value): boolean {
    const state = known.get(value)
    const { position, changes } = caches
    return state?.epoch !== position.epoch() || hasChanged(value, { ...state, changes })
  }

  function find(key: string, least: number): Value | null {
    const value = cached.get(key)
    if (value === undefined || isOutdated(value)) return null
    const state = known.get(value)!
    state.seq = Math.max(state.seq, caches.position.seq())
    return state.seq >= least ? value : null
  }

  async function readAndKeep(key: string): Promise<Value | null> {
    const [since, epoch] = [caches.position.seq(), caches.position.epoch()]
    const { seq, value, maxAge } = await read(key)
    if (value === null) return null
    known.set(value, { key, seq, epoch })
    // A snapshot from before the position belongs to a state that the database has lost.
    if (maxAge > 0 && seq >= since) cached.set(key, value, { ttl: maxAge })
    return value
  }

  return {
    async get(key, seq = 0) {
      const found = caches.position.isFresh() ? find(key, seq) : null
      caches.lookups[name][found ? 'hits' : 'misses'] += 1
      return found ?? readAndKeep(key)
    },
    isOutdated,
    delete: (key) => void cached.delete(key),
  }
}

/** The most keys that are held. For an older `seq`, `changedAfter` returns true for every key. */
const MAX_KEYS = 10_000

/** Holds the `seq` of the last change of each key. Bounded: drops the oldest changes. */
export interface RecentChanges {
  note(key: string, seq: number): void
  /** Whether the key has changed after `seq`. Also true if `seq` is older than the changes that are held. */
  changedAfter(key: string, seq: number): boolean
  /** The highest number that was noted. */
  newest(): number
  /** Drops all changes. Every key then counts as changed after any earlier `seq`. */
  reset(seq: number): void
}

/** `seq` must grow from one `note` to the next. */
export function createRecentChanges(maxKeys = MAX_KEYS): RecentChanges {
  const changes = new Map<string, number>()
  let floor = 0
  let newest = 0

  function forgetOldest(): void {
    for (const [key, seq] of changes) {
      changes.delete(key)
      floor = seq
      return
    }
  }

  return {
    note(key, seq) {
      changes.delete(key) // so that the Map keeps the order of `seq`
      changes.set(key, seq)
      newest = seq
      if (changes.size > maxKeys) forgetOldest()
    },
    changedAfter: (key, seq) => seq < floor || (changes.get(key) ?? 0) > seq,
    newest: () => newest,
    reset(seq) {
      changes.clear()
      floor = seq
      newest = seq
    },
  }
}

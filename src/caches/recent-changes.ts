/** Keys that are remembered. For older changes the answer is that everything may have changed. */
const MAX_KEYS = 10_000

/** Remembers the `seq` of the last change of each key. Bounded: forgets the oldest changes. */
export interface RecentChanges {
  note(key: string, seq: number): void
  /** Whether the key has changed after `seq`. True as well if `seq` is older than what is remembered. */
  changedAfter(key: string, seq: number): boolean
  /** The highest number that was noted. */
  newest(): number
  /** Forgets all changes: whatever is from before `seq` may have changed. */
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

/** Counts how often a cache had what was looked up. */
export interface Lookups {
  hits: number
  misses: number
}

/** The counts of each cache of an instance, by name. */
export type AllLookups = Record<'cards' | 'home' | 'sessions' | 'side_column' | 'public', Lookups>

export function createLookups(): AllLookups {
  const none = (): Lookups => ({ hits: 0, misses: 0 })
  return { cards: none(), home: none(), sessions: none(), side_column: none(), public: none() }
}

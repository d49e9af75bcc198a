import type { Db } from '../db/pool.ts'
import { combineObservers, type LogObserver } from '../lib/log-observer.ts'
import { createCardReader } from './card-reader.ts'
import { createCards, type Cards } from './cards.ts'
import { createChanges, type Changes } from './changes.ts'
import { createLookups, type AllLookups } from './lookups.ts'
import { createPosition, type Position, type PositionDeps } from './position.ts'

/** Some 10,000 cards. */
const MAX_CARD_BYTES = 48 * 1024 * 1024

/** The caches of one instance. Pass every event of the log to `observer`, which keeps them current. */
export interface Caches {
  position: Position
  changes: Changes
  cards: Cards
  lookups: AllLookups
  observer: LogObserver
}

export interface CachesDeps extends PositionDeps {
  db: Db
  /** The most heap that cards may take. */
  maxCardBytes?: number
}

export function createCaches({ db, maxCardBytes = MAX_CARD_BYTES, ...deps }: CachesDeps): Caches {
  const position = createPosition(deps)
  const changes = createChanges()
  const lookups = createLookups()
  const cards = createCards({
    readCards: createCardReader(db),
    position,
    changes,
    lookups: lookups.cards,
    maxBytes: maxCardBytes,
  })
  return {
    position,
    changes,
    cards,
    lookups,
    observer: combineObservers(changes.observer, cards.observer, position.observer),
  }
}

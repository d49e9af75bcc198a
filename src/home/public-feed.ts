import type { Caches } from '../caches/caches.ts'
import { createSharedRead } from '../caches/shared-read.ts'
import { withinDeadline, withoutDeadline } from '../db/deadline.ts'
import { withinQuery } from '../db/query-slots.ts'
import { systemClock } from '../lib/clock.ts'
import type { FeedPage } from '../shared/pages.ts'

/** Bounds how long the page may differ from rows that were changed while triggers were off. */
const MAX_AGE_MS = 60_000

/** The first page of the public feed, as anonymous visitors see it. */
export interface PublicFeed {
  /**
   * Returns the page of the newest event that this instance has accepted, or of a later one. Returns the same object
   * until the next event. The page is never older than the event `after`.
   */
  get(after?: string): Promise<FeedPage>
  /** Call it after a write, whose event may still be on its way. The next page is read from the database. */
  markOutdated(): void
}

interface Kept {
  page: FeedPage
  epoch: number
  readAt: number
}

/** Keeps the page while this instance follows the log. Otherwise concurrent requests share one read. */
export function createPublicFeed(
  readPage: () => Promise<FeedPage>,
  { position, lookups }: Pick<Caches, 'position' | 'lookups'>,
  clock = systemClock,
): PublicFeed {
  // Many requests share the read, so the deadline and the query limit of a single one do not apply to it.
  const read = createSharedRead(() => withoutDeadline(() => withinQuery(readPage)), 0)
  let kept: Kept | null = null
  let writes = 0

  function isValid({ page, epoch, readAt }: Kept): boolean {
    const isNewest = epoch === position.epoch() && position.seq() <= Number(page.seq)
    return isNewest && position.isFresh() && clock.now() - readAt < MAX_AGE_MS
  }

  return {
    async get(after = '0') {
      const found = kept && isValid(kept) && Number(kept.page.seq) >= Number(after) ? kept.page : null
      lookups.public[found ? 'hits' : 'misses'] += 1
      if (found) return found
      const [epoch, writesBefore, readAt] = [position.epoch(), writes, clock.now()]
      // The read begins after this call. So its snapshot contains every event that the caller can know.
      const page = await withinDeadline(() => read([]))
      if (writes === writesBefore && isValid({ page, epoch, readAt })) kept = { page, epoch, readAt }
      return page
    },
    markOutdated() {
      writes += 1
      kept = null
    },
  }
}

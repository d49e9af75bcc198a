import { createCaches, type Caches } from '../../src/caches/caches.ts'
import { systemClock, type Clock } from '../../src/lib/clock.ts'
import { createDb, type Db } from '../../src/db/pool.ts'
import type { FeedDeps } from '../../src/feeds/page.ts'
import { createLogReader } from '../../src/stream/log/reader.ts'

/** The caches of one instance on a real database. They follow the log when the test says so, or when a page needs it. */
export interface CacheLab {
  deps: FeedDeps & { caches: Caches }
  db: Db
  /** Called after a statement, before its result is used. */
  hooks: { afterPlaces(): Promise<void>; afterCards(): Promise<void> }
  /** How many statements of each kind have run. */
  statements: { places: number; cards: number; others: number }
  /** False: the caches do not follow the log. */
  canSync: boolean
  isCurrent: boolean
  syncs: number
  /** Accepts the events after the position, up to `last`. */
  follow(last?: number): Promise<void>
  /** Empties the caches. They follow the log from its newest event. */
  empty(): Promise<void>
  newestSeq(): Promise<number>
  close(): Promise<void>
}

export async function createCacheLab(
  databaseUrl: string,
  options: { maxCardBytes?: number } = {},
): Promise<CacheLab> {
  const pool = await createDb(databaseUrl, { applicationName: 'test' })
  const reader = createLogReader(pool)
  const nothing = async (): Promise<void> => {}
  const db = {
    ...pool,
    async one(query: Parameters<Db['one']>[0]) {
      const kind = kindOf(query.sql)
      lab.statements[kind] += 1
      const row = await pool.one(query)
      if (kind === 'places') await lab.hooks.afterPlaces()
      if (kind === 'cards') await lab.hooks.afterCards()
      return row
    },
    /** Only the newest `seq` is read with it. */
    async oneFirst(query: Parameters<Db['oneFirst']>[0]) {
      const newest = await pool.oneFirst(query)
      await lab.hooks.afterPlaces()
      return newest
    },
  } as Db
  // On a busy machine, a wait that the test expects to succeed must not time out.
  const after: Clock['after'] = (ms, run) => systemClock.after(lab.canSync && ms > 100 ? ms * 50 : ms, run)
  const caches = createCaches({
    ...options,
    db,
    clock: { ...systemClock, after },
    isCurrent: () => lab.isCurrent,
    isFresh: () => lab.isCurrent,
    async sync() {
      lab.syncs += 1
      if (lab.canSync) await lab.follow()
    },
  })
  const lab: CacheLab = {
    deps: { db, caches },
    db: pool,
    hooks: { afterPlaces: nothing, afterCards: nothing },
    statements: { places: 0, cards: 0, others: 0 },
    canSync: true,
    isCurrent: true,
    syncs: 0,
    async follow(last = Infinity) {
      for (const row of await reader.readFrom(caches.position.seq() + 1, 1_000)) {
        if (row.seq > caches.position.seq() && row.seq <= last) caches.observer.accept(row)
      }
    },
    empty: async () => caches.observer.reset(await lab.newestSeq()),
    newestSeq: async () => (await reader.readNewest(1))[0]?.seq ?? 0,
    close: () => pool.end(),
  }
  await lab.empty()
  return lab
}

function kindOf(text: string): keyof CacheLab['statements'] {
  if (text.includes('json_object_agg(p.id, post_card(p))')) return 'cards'
  return text.includes('as places') ? 'places' : 'others'
}

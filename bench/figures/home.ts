import pg from 'pg'
import { createCaches } from '../../src/caches/caches.ts'
import { createDb, type Db } from '../../src/db/pool.ts'
import { parseBefore } from '../../src/db/pagination.ts'
import { homePage } from '../../src/feeds/feeds.ts'
import type { Bench } from '../harness/bench.ts'
import { defineMeasurement, type Figure, type Measured } from '../harness/figure.ts'
import { fillMillion, MILLION, READERS, SMALL, type Reader } from '../harness/million.ts'
import { quantile } from '../measure.ts'

const LAST_PAGE = 100

type Key = `${Reader}_${'first' | 'last'}`

const figure = (reader: string, name: string): Figure => ({
  name: `home of a person who follows ${name}, p95`,
  unit: 'ms',
  better: 'lower',
  // The worst case, without a goal of its own.
  goal: reader === 'follows_silent' ? null : 5,
})

const figures = Object.fromEntries(
  Object.entries(READERS).flatMap(([reader, { title }]) => [
    [`${reader}_first`, figure(reader, `${title}, first page`)],
    [`${reader}_last`, figure(reader, `${title}, page ${LAST_PAGE}`)],
  ]),
) as Record<Key, Figure>

/**
 * The statement of the home page among 1,000,000 posts and 5,000,000 subscriptions, from sending it to having the row.
 * The cards of the posts are cached.
 */
export const home = defineMeasurement({
  name: 'home',
  figures,
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('empty')
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    bench.scope.defer(() => client.end())
    await fillMillion(client, bench.quick ? SMALL : MILLION)
    const pages = await openPages(bench, databaseUrl)
    const measured: Partial<Record<Key, Measured>> = {}
    for (const reader of Object.keys(READERS) as Reader[]) {
      const { rows } = await client.query<{ id: string }>('select id from users where username = $1', [
        reader,
      ])
      const id = rows[0]!.id
      measured[`${reader}_first`] = await pages.measure(id, '')
      measured[`${reader}_last`] = await pages.measure(id, await pages.cursorOf(id, LAST_PAGE))
    }
    return measured as Record<Key, Measured>
  },
})

/** Reads pages with the function of the product, as one instance does. */
async function openPages(bench: Bench, databaseUrl: string) {
  const pool = await createDb(databaseUrl, { applicationName: 'bench' })
  bench.scope.defer(() => pool.end())
  let times: number[] = []
  const db = {
    ...pool,
    async one(query: Parameters<Db['one']>[0]) {
      const start = performance.now()
      const row = await pool.one(query)
      times.push(performance.now() - start)
      return row
    },
  } as Db
  const caches = createCaches({ db, sync: async () => {}, isCurrent: () => true, isFresh: () => true })
  caches.observer.reset(0)

  async function read(id: string, before: string): Promise<string | null> {
    const me = { id, username: '', name: '', avatar: null, feed: '', owns: [] }
    return (await homePage({ db, caches }, me, parseBefore(before))).before
  }

  return {
    async cursorOf(id: string, page: number): Promise<string> {
      let before = ''
      for (let n = 1; n < page; n++) before = (await read(id, before)) ?? before
      return before
    },
    async measure(id: string, before: string): Promise<Measured> {
      for (let n = 0; n < 20; n++) await read(id, before)
      times = []
      for (let n = 0; n < (bench.quick ? 20 : 200); n++) await read(id, before)
      return { value: quantile(times, 0.95) }
    },
  }
}

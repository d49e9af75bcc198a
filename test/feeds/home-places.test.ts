import { expect } from 'chai'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'

interface Place {
  post_id: string
  at: string
  reason: string | null
  actor_id: string | null
}

interface Size {
  people: number
  writers?: number
  posts: number
  entries: number
}

const FIRST = { at: 'infinity', post_id: '9223372036854775807' }

describe('the places of posts on the home page', () => {
  const database = useDatabase()
  let client: pg.Client

  before(async () => {
    client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query('set session_replication_role = replica')
  })
  after(() => client.end())

  /** Fills the database with random entries. The people after the first `writers` have none. */
  async function fill({ people, writers = people, posts, entries }: Size): Promise<void> {
    await client.query('truncate users, feeds, posts, entries, subscriptions cascade')
    await client.query(`
      insert into feeds (id, kind)
      select n, 'user' from generate_series(1, ${people}) n`)
    await client.query(`
      insert into users (id, feed_id, username, name, password_hash)
      select n, n, 'user_' || n, 'User', 'none' from generate_series(1, ${people}) n`)
    await client.query(`
      insert into posts (id, author_id, body)
      select n, 1 + n % ${people}, 'Post' from generate_series(1, ${posts}) n`)
    // Few different times, so that many entries have the same one.
    await client.query(`
      insert into entries (feed_id, post_id, at, reason, actor_id)
      select
        1 + floor(random() * ${writers}),
        1 + floor(random() * ${posts}),
        '2026-01-01'::timestamptz + floor(random() * ${entries / 3}) * interval '1 microsecond',
        (array['posted', 'commented', 'liked'])[1 + floor(random() * 3)],
        1 + floor(random() * ${people})
      from generate_series(1, ${entries})
      on conflict do nothing`)
  }

  async function follow(user: number, feeds: number): Promise<void> {
    await client.query(
      `insert into subscriptions (user_id, feed_id)
       select $1, id from feeds where id <> $1 order by random() limit $2`,
      [user, feeds],
    )
  }

  async function page(user: number, before: { at: string; post_id: string }): Promise<Place[]> {
    const { rows } = await client.query<Place>(
      'select post_id, at::text, reason, actor_id from home_places($1, $2, $3, 11)',
      [user, before.at, before.post_id],
    )
    return rows
  }

  async function allPages(user: number): Promise<Place[]> {
    const places: Place[] = []
    for (let before = FIRST; ;) {
      const rows = await page(user, before)
      places.push(...rows)
      if (rows.length < 11) return places
      before = rows.at(-1)!
    }
  }

  /** The definition of the page: of each post the newest entry in the feeds of the user. */
  async function expected(user: number): Promise<Place[]> {
    const { rows } = await client.query<Place>(
      `select
         post_id, at::text,
         case when not is_posted then reason end as reason,
         case when not is_posted then actor_id end as actor_id
       from (
         select distinct on (e.post_id)
           e.*, bool_or(e.reason = 'posted') over (partition by e.post_id) as is_posted
         from entries e
         join subscriptions s on s.user_id = $1 and s.feed_id = e.feed_id
         join users owner on owner.feed_id = e.feed_id and owner.deleted_at is null
         join posts p on p.id = e.post_id
         join users author on author.id = p.author_id and author.deleted_at is null
         order by e.post_id, e.at desc, e.feed_id desc
       ) newest
       order by at desc, post_id desc`,
      [user],
    )
    return rows
  }

  /** Returns how many entries a page reads, through all indexes. */
  async function entriesRead(user: number, before: { at: string; post_id: string }): Promise<number> {
    await client.query('begin')
    const start = await countReads()
    await page(user, before)
    const end = await countReads()
    await client.query('commit')
    return end - start
  }

  /** The counter of this connection, which grows within a transaction. */
  async function countReads(): Promise<number> {
    const { rows } = await client.query<{ read: string }>(
      `select sum(pg_stat_get_xact_tuples_returned(indexrelid)) as read
       from pg_index where indrelid = 'entries'::regclass`,
    )
    return Number(rows[0]!.read)
  }

  for (const planMode of ['auto', 'force_custom_plan', 'force_generic_plan']) {
    it(`are the newest entries of each post, in order and each once (${planMode})`, async () => {
      await client.query(`set plan_cache_mode = ${planMode}`)
      for (const entries of [300, 3_000]) {
        await fill({ people: 60, posts: 250, entries })
        await client.query(`update users set deleted_at = now() where id in (7, 23)`)
        for (const [user, feeds] of [0, 1, 2, 5, 20, 59].entries()) {
          await follow(user + 1, feeds)
          const all = await allPages(user + 1)
          expect(all, `${feeds} feeds of ${entries} entries`).to.deep.equal(await expected(user + 1))
          if (feeds === 20) expect(all.length).to.be.greaterThan(50)
        }
      }
    })
  }

  it('cost a number of entries that depends on the feeds of the viewer, not on the site', async () => {
    await client.query('set plan_cache_mode = force_generic_plan')
    await fill({ people: 1_500, writers: 1_000, posts: 5_000, entries: 15_000 })
    await client.query('analyze')
    const [few, many, idle] = [1, 2, 3]
    await follow(few, 10)
    await follow(many, 1_000)
    await client.query(
      `insert into subscriptions (user_id, feed_id) select ${idle}, id from feeds where id > 1000`,
    )
    for (const before of [FIRST, (await allPages(many))[500]!]) {
      expect(await entriesRead(few, before), 'follows 10 people').to.be.lessThan(400)
      expect(await entriesRead(many, before), 'follows 1,000 people').to.be.lessThan(400)
      expect(await entriesRead(idle, before), 'follows 500 people without posts').to.be.lessThan(2_500)
    }
    expect((await page(few, FIRST)).length).to.equal(11)
    expect((await page(many, FIRST)).length).to.equal(11)
    expect(await page(idle, FIRST)).to.deep.equal([])
  })
})

import { expect } from 'chai'
import fc from 'fast-check'
import { START } from '../../src/db/pagination.ts'
import { sql } from '../../src/db/pool.ts'
import { groupPage, homePage, publicPage, userPage } from '../../src/feeds/feeds.ts'
import { createHomePages, type HomePages } from '../../src/feeds/home-pages.ts'
import type { FeedDeps } from '../../src/feeds/page.ts'
import { pageEntry } from '../../src/shared/entries.ts'
import type { FeedPage } from '../../src/shared/pages.ts'
import type { PostView } from '../../src/shared/views.ts'
import { createCacheLab, type CacheLab } from '../support/cache-lab.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers, type Person } from '../support/people.ts'

/** Statements by name. `$user` is one of the four people, `$post` and `$comment` are mostly new ones. */
const STATEMENTS = {
  post: `insert into posts (author_id, body) values ($user, 'post $n')`,
  'post to a group': `insert into posts (author_id, group_id, body) select $user, id, 'post $n' from groups where name = $group`,
  'edit post': `update posts set body = body || '!' where id = $post`,
  'delete post': `delete from posts where id = $post`,
  comment: `insert into comments (post_id, author_id, body) select id, $user, 'comment $n' from posts where id = $post`,
  'edit comment': `update comments set body = body || '!' where id = $comment`,
  'delete comment': `delete from comments where id = $comment`,
  like: `insert into post_likes (post_id, user_id) select id, $user from posts where id = $post on conflict do nothing`,
  unlike: `delete from post_likes where user_id = $user and post_id = $post`,
  'like comment': `insert into comment_likes (comment_id, user_id) select id, $user from comments where id = $comment on conflict do nothing`,
  'unlike comment': `delete from comment_likes where user_id = $user and comment_id = $comment`,
  'drop entry': `delete from entries where reason = 'liked' and feed_id = (select feed_id from users where id = $user)`,
  rename: `update users set name = 'Name $n' where id = $user`,
  'change picture': `update users set avatar = 'picture$n' where id = $user`,
  'rename group': `update groups set title = 'Title $n' where name = $group`,
  follow: `insert into subscriptions (user_id, feed_id) select $user, feed_id from users where id = $other on conflict do nothing`,
  unfollow: `delete from subscriptions where user_id = $user and feed_id = (select feed_id from users where id = $other) and $user <> $other`,
  join: `insert into subscriptions (user_id, feed_id) select $user, feed_id from groups where name = $group on conflict do nothing`,
  leave: `delete from subscriptions where user_id = $user and feed_id = (select feed_id from groups where name = $group)`,
  'visit of a guest': `
    with guest as (
      insert into users (username, password_hash) values ('guest_$n', 'x') returning id
    ), said as (
      insert into comments (post_id, author_id, body) select p.id, guest.id, 'I visit' from guest, posts p where p.id = $post
    )
    insert into post_likes (post_id, user_id) select p.id, guest.id from guest, posts p where p.id = $post`,
  'deletion of a guest': `update users set deleted_at = now() where id = (select max(id) from users where username like 'guest%')`,
  'chunk of a deletion': `select delete_account_chunk()`,
}
type Kind = keyof typeof STATEMENTS

const COMMON: Kind[] = [
  'post',
  'delete post',
  'comment',
  'comment',
  'like',
  'unlike',
  'like comment',
  'unlike comment',
]
const RIGHTS: Kind[] = ['follow', 'unfollow', 'join', 'join', 'leave', 'leave']

const write = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...COMMON) },
    { weight: 3, arbitrary: fc.constantFrom(...RIGHTS) },
    { weight: 3, arbitrary: fc.constantFrom(...(Object.keys(STATEMENTS) as Kind[])) },
  ),
  user: fc.nat({ max: 3 }),
  other: fc.nat({ max: 3 }),
  group: fc.constantFrom('open', 'closed', 'closed'),
  /** Small numbers, so that many writes change the same post. */
  n: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 11 }) }),
})
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never

/** Writes, and how many of the writes that the instance has not received yet it receives after them. */
const burst = fc.record({ writes: fc.array(write, { maxLength: 3 }), receive: fc.nat({ max: 3 }) })
type Burst = typeof burst extends fc.Arbitrary<infer T> ? T : never

const NO_WRITES: Burst = { writes: [], receive: 0 }

const step = fc.record({
  before: burst,
  /** The log went back: the caches are emptied. */
  epoch: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  page: fc.constantFrom('home', 'kept home', 'kept home', 'kept home', 'public', 'user', 'group'),
  viewer: fc.nat({ max: 3 }),
  afterPlaces: burst,
  afterCards: burst,
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What the database shows after a write. */
interface State {
  seq: number
  cards: Record<string, PostView>
  /** The posts that each person may see. */
  visible: Record<string, string[]>
  /** The comments that each person likes. */
  liked: Record<string, string[]>
}

describe('a page from the cache', () => {
  const database = useDatabase()
  let lab: CacheLab
  let homes: HomePages
  let people: Person[]
  let states: State[]
  let n = 0

  before(async () => {
    lab = await createCacheLab(database.url)
    homes = createHomePages(lab.deps)
    people = await insertUsers(lab.db, ['ann', 'bob', 'cleo', 'dan'])
    await database.query(
      `insert into groups (name, title, visibility) values ('open', 'Open', 'public'), ('closed', 'Closed', 'private')`,
    )
    await database.query(
      'insert into subscriptions (user_id, feed_id) select u.id, g.feed_id from users u, groups g',
    )
    await database.query(
      'insert into subscriptions (user_id, feed_id) select a.id, b.feed_id from users a, users b on conflict do nothing',
    )
  })
  after(() => lab.close())

  async function run({ kind, user, other, group, n: offset }: Write): Promise<void> {
    const pick = (table: string): string =>
      `(select id from ${table} order by id desc offset ${offset} limit 1)`
    const values: Record<string, string> = {
      $user: people[user]!.id,
      $other: people[other]!.id,
      $group: `'${group}'`,
      $post: pick('posts'),
      $comment: pick('comments'),
      $n: String(++n),
    }
    const text = STATEMENTS[kind].replace(/\$\w+/g, (name) => values[name]!)
    // A deleted guest may be refused.
    await database.query(text).catch((error: { code?: string }) => expect(error.code).to.equal('23503'))
    states.push(await readState())
  }

  function readState(): Promise<State> {
    return lab.db.one(sql.row<State>()`
      select
        (select max(seq)::int from log) as seq,
        (select coalesce(json_object_agg(p.id, post_card(p)), '{}') from posts p) as cards,
        (
          select json_object_agg(
            u.id,
            array(select p.id::text from posts p where may_see_post(u.id, p))
          )
          from users u
        ) as visible,
        (
          select json_object_agg(
            u.id,
            array(select l.comment_id::text from comment_likes l where l.user_id = u.id)
          )
          from users u
        ) as liked`)
  }

  async function play({ writes, receive }: Burst): Promise<void> {
    for (const one of writes) await run(one)
    const missing = states.filter(({ seq }) => seq > lab.deps.caches.position.seq())
    const last = missing[Math.min(receive, missing.length) - 1]
    if (last) await lab.follow(last.seq)
  }

  function read(deps: FeedDeps, { page, viewer }: Step): Promise<FeedPage> {
    const me = people[viewer]!
    const [ann] = people
    if (page === 'kept home' && deps === lab.deps) return homes.get(me, START)
    if (page.endsWith('home')) return homePage(deps, me, START)
    if (page === 'public') return publicPage(deps, me.id, START)
    if (page === 'user') return userPage(deps, me.id, ann!, START)
    return lab.db
      .one(
        sql.row<{ name: string; feed_id: string }>()`select name, feed_id from groups where name = 'closed'`,
      )
      .then((group) => groupPage(deps, me.id, group, START))
  }

  /** Reads the page without the cache. */
  const readDirectly = (one: Step): Promise<FeedPage> =>
    read(
      {
        db: lab.db,
        caches: { ...lab.deps.caches, position: { ...lab.deps.caches.position, isCurrent: () => false } },
      },
      one,
    )

  const counts = { pages: 0, later: 0, dropped: 0, kept: 0 }

  async function check(one: Step): Promise<void> {
    await play(one.before)
    if (one.epoch) await lab.empty()
    /** The page from the database at the snapshot of the last statement that read places. */
    let expected: FeedPage | null = null
    let hasPlayed = false
    lab.hooks.afterPlaces = async () => {
      expected = await readDirectly(one)
      if (!hasPlayed) await play(one.afterPlaces)
      hasPlayed = true
    }
    lab.hooks.afterCards = async () => {
      lab.hooks.afterCards = async () => {}
      await play(one.afterCards)
    }
    const { places } = lab.statements
    const page = await read(lab.deps, one)
    counts.pages += 1
    if (lab.statements.places === places) counts.kept += 1
    expect(expected).not.to.equal(null)
    compare(page, expected!, people[one.viewer]!.id)
  }

  /** Places, entries and likes are those of the snapshot; the cards are those of one state that is not older. */
  function compare(page: FeedPage, expected: FeedPage, viewerId: string): void {
    const shown = page.posts.map(({ id }) => id)
    const rest = ({ posts: _posts, likes: _likes, ...others }: FeedPage) => others
    expect(rest(page)).to.deep.equal(rest(expected))
    const entries = expected.posts
      .filter(({ id }) => shown.includes(id))
      .map(({ id, entry }) => ({ id, entry }))
    expect(page.posts.map(({ id, entry }) => ({ id, entry }))).to.deep.equal(entries)
    expect(page.likes.posts.toSorted()).to.deep.equal(
      expected.likes.posts.filter((id) => shown.includes(id)).toSorted(),
    )
    const [seq, newest] = [Number(page.seq), states.at(-1)!]
    const start = states.findLastIndex((state) => state.seq <= seq)
    const cards = JSON.stringify(page.posts.map(({ entry: _entry, ...card }) => card))
    const found = states
      .slice(Math.max(start, 0))
      .filter((state) => JSON.stringify(expected.posts.flatMap(({ id }) => state.cards[id] ?? [])) === cards)
    expect(found, `cards of ${seq} to ${newest.seq}: ${cards}`).not.to.be.empty
    const mayBeShown = found.some(({ visible }) => shown.every((id) => visible[viewerId]!.includes(id)))
    expect(mayBeShown, 'every post may be shown').to.equal(true)
    for (const comment of page.posts.flatMap(({ comments }) => comments.map(({ id }) => id))) {
      const isLiked = page.likes.comments.includes(comment)
      const since = states.slice(Math.max(start, 0))
      expect(since.map(({ liked }) => liked[viewerId]!.includes(comment))).to.include(isLiked)
    }
    if (found[0]!.seq > seq) counts.later += 1
    if (shown.length < expected.posts.length) counts.dropped += 1
  }

  it('equals the page from the database at that state, whatever happens meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 12 }), async (steps) => {
        await database.query('delete from posts')
        states = []
        for (let i = 0; i < 12; i++) {
          await run({
            kind: i % 2 ? 'post' : 'post to a group',
            user: i % 4,
            other: 0,
            group: 'closed',
            n: i,
          })
        }
        for (const one of steps) {
          await check(one)
          // Now the row is kept, unless the step has changed it.
          if (one.page === 'kept home') await check({ ...one, before: NO_WRITES, epoch: false })
        }
      }),
      { numRuns: 20, endOnFailure: true },
    )
    expect(counts.pages).to.be.greaterThan(80)
    expect(counts.later).to.be.greaterThan(5)
    expect(counts.dropped).to.be.greaterThan(0)
    expect(counts.kept).to.be.greaterThan(5)
    expect(lab.statements.cards).to.be.greaterThan(5)
  }).timeout(120_000)

  it('has the entry that a browser computes from the card', async () => {
    for (const viewer of [0, 1, 2, 3]) {
      const page = await readDirectly({ page: 'home', viewer } as Step)
      for (const { entries, entry } of page.posts) {
        expect(entry).to.deep.equal(pageEntry(entries, new Set(page.feeds)))
      }
    }
  })
})

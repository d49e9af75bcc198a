import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import { leadEntry } from '../shared/entries.ts'
import type { FeedPage } from '../shared/pages.ts'
import type { FeedPostView, Me, PostView } from '../shared/views.ts'
import { formatCursor, parseBefore, START, type Cursor } from '../db/pagination.ts'
import { PAGE, readPage, type FeedRow, type FeedSource, type Filter } from './query.ts'

export { parseBefore, type Cursor }

/** My merged feed: every feed that I subscribe to, a post once, at its newest place among them. */
export async function homePage(db: Db, me: Me, before: Cursor): Promise<FeedPage> {
  const row = await readPage(db, me.id, (filter) => ({
    feeds: mergedFeeds(me.id, filter),
    places: mergedPlaces(me.id, before, filter),
  }))
  return toPage(row, '/stream')
}

/** Feeds that I subscribe to. */
function mergedFeeds(userId: string, { feeds }: Filter) {
  return sql.fragment`select feed_id from subscriptions where user_id = ${userId} and ${feeds}`
}

/**
 * The newest few of each feed, merged. A post that comes this way by one feed only, though it stands at a newer place in
 * another, is beaten by the few that are newer there. On later pages it must be asked whether the newest place was on a
 * page before, as a scalar: as an anti-join it is planned badly. 100,000 posts, 200 subscriptions: 10 to 30 ms the
 * first page, 60 to 110 ms a later one.
 */
function mergedPlaces(userId: string, before: Cursor, filter: Filter) {
  const notBefore =
    before === START
      ? sql.fragment``
      : sql.fragment`
          and (
            (
              select max(also.at)
              from entries also
              join (${mergedFeeds(userId, filter)}) mine on mine.feed_id = also.feed_id
              where also.post_id = e.post_id
            ),
            e.post_id
          ) < (${before.at}::timestamptz, ${before.id}::bigint)`
  return sql.fragment`
    select place.post_id, max(place.at) as at
    from (${mergedFeeds(userId, filter)}) s
    cross join lateral (
      select e.post_id, e.at
      from entries e
      where e.feed_id = s.feed_id
        and (e.at, e.post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
        and ${filter.entries}
        ${notBefore}
      order by e.at desc, e.post_id desc
      limit ${PAGE + 1}
    ) place
    group by place.post_id`
}

/** Everything said in public. */
export async function publicPage(db: Db, viewerId: string | null, before: Cursor): Promise<FeedPage> {
  const feed = sql.fragment`select id as feed_id from feeds where kind = 'public'`
  return toPage(await readPage(db, viewerId, oneFeed(feed, before)), '/public/stream')
}

/** What one person posted, commented on and liked. */
export async function userPage(
  db: Db,
  viewerId: string | null,
  user: { username: string; feed_id: string },
  before: Cursor,
): Promise<FeedPage> {
  const feed = sql.fragment`select ${user.feed_id}::bigint as feed_id`
  return toPage(await readPage(db, viewerId, oneFeed(feed, before)), `/users/${user.username}/stream`)
}

/** What is said in a group; nothing where the viewer may not look into it. */
export async function groupPage(
  db: Db,
  viewerId: string | null,
  group: { name: string; feed_id: string },
  before: Cursor,
): Promise<FeedPage> {
  const feed = sql.fragment`select ${group.feed_id}::bigint as feed_id`
  return toPage(await readPage(db, viewerId, oneFeed(feed, before)), `/groups/${group.name}/stream`)
}

function oneFeed(feed: FragmentSqlToken, before: Cursor): (filter: Filter) => FeedSource {
  return (filter) => ({
    feeds: feed,
    places: sql.fragment`
      select e.post_id, e.at
      from entries e
      where e.feed_id = (${feed})
        and (e.at, e.post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
        and ${filter.entries}
      order by e.at desc, e.post_id desc
      limit ${PAGE + 1}`,
  })
}

function toPage({ seq, feeds, posts, likes }: FeedRow, stream: string): FeedPage {
  const merged = new Set(feeds)
  const shown = posts.slice(0, PAGE)
  const last = shown.at(-1)
  return {
    seq,
    stream,
    feeds,
    likes,
    posts: shown.map(({ card }) => withEntry(card, merged)),
    before: posts.length > PAGE && last ? formatCursor({ at: last.at, id: last.card.id }) : null,
  }
}

function withEntry(card: PostView, feeds: ReadonlySet<string>): FeedPostView {
  const entry = leadEntry(card.entries, feeds)
  if (entry === null) throw new Error(`post ${card.id} is on a page of feeds that do not hold it`)
  return { ...card, entry }
}

import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../lib/db.ts'
import { leadEntry } from '../shared/entries.ts'
import type { FeedPage } from '../shared/pages.ts'
import type { FeedPostView, LikesView, Me, PostView } from '../shared/views.ts'
import { formatCursor, parseBefore, START, type Cursor } from './cursor.ts'

export { parseBefore, type Cursor }

const PAGE = 10

/** One row: the whole page as of one snapshot, so that its `seq` is the cursor from which the stream goes on. */
interface FeedRow {
  seq: string
  feeds: string[]
  posts: { at: string; card: PostView }[]
  likes: LikesView
}

/** My merged feed: every feed that I subscribe to, a post once, at its newest place among them. */
export async function homePage(db: Db, me: Me, before: Cursor): Promise<FeedPage> {
  const row = await db.one(
    feedQuery(me.id, {
      feeds: mergedFeeds(me.id),
      places: mergedPlaces(me.id, before),
    }),
  )
  return toPage(row, '/stream')
}

/** Accounts whose rows are being deleted: most of the time none, so these conditions cost one look at a small index. */
const DELETED = sql.fragment`array(select id from users where deleted_at is not null)`

/** Feeds that I subscribe to, without those of deleted accounts. */
function mergedFeeds(userId: string) {
  return sql.fragment`
    select feed_id
    from subscriptions
    where user_id = ${userId}
      and feed_id <> all (array(select feed_id from users where deleted_at is not null))`
}

/**
 * Whether the author of the post of the row `e` of entries still has an account. `may_see_post` says so too, but after the
 * page is cut: a page of posts that are being deleted would be short, and look like the last one.
 */
const HAS_AUTHOR = sql.fragment`(
  ${DELETED} = '{}'
  or not exists (select from posts p where p.id = e.post_id and p.author_id = any (${DELETED}))
)`

/**
 * The newest few of each feed, merged. A post that comes this way by one feed only, though it stands at a newer place in
 * another, is beaten by the few that are newer there. On later pages it must be asked whether the newest place was on a
 * page before, as a scalar: as an anti-join it is planned badly. 100,000 posts, 200 subscriptions: 10 to 30 ms the
 * first page, 60 to 110 ms a later one.
 */
function mergedPlaces(userId: string, before: Cursor) {
  const notBefore =
    before === START
      ? sql.fragment``
      : sql.fragment`
          and (
            (
              select max(also.at)
              from entries also
              join (${mergedFeeds(userId)}) mine on mine.feed_id = also.feed_id
              where also.post_id = e.post_id
            ),
            e.post_id
          ) < (${before.at}::timestamptz, ${before.id}::bigint)`
  return sql.fragment`
    select place.post_id, max(place.at) as at
    from (${mergedFeeds(userId)}) s
    cross join lateral (
      select e.post_id, e.at
      from entries e
      where e.feed_id = s.feed_id
        and (e.at, e.post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
        and ${HAS_AUTHOR}
        ${notBefore}
      order by e.at desc, e.post_id desc
      limit ${PAGE + 1}
    ) place
    group by place.post_id`
}

/** Everything said in public. */
export async function publicPage(db: Db, viewerId: string | null, before: Cursor): Promise<FeedPage> {
  const feed = sql.fragment`select id as feed_id from feeds where kind = 'public'`
  return toPage(await db.one(feedQuery(viewerId, oneFeed(feed, before))), '/public/stream')
}

/** What one person posted, commented on and liked. */
export async function userPage(
  db: Db,
  viewerId: string | null,
  user: { username: string; feed_id: string },
  before: Cursor,
): Promise<FeedPage> {
  const feed = sql.fragment`select ${user.feed_id}::bigint as feed_id`
  return toPage(await db.one(feedQuery(viewerId, oneFeed(feed, before))), `/users/${user.username}/stream`)
}

/** What is said in a group; nothing where the viewer may not look into it. */
export async function groupPage(
  db: Db,
  viewerId: string | null,
  group: { name: string; feed_id: string },
  before: Cursor,
): Promise<FeedPage> {
  const feed = sql.fragment`select ${group.feed_id}::bigint as feed_id`
  return toPage(await db.one(feedQuery(viewerId, oneFeed(feed, before))), `/groups/${group.name}/stream`)
}

interface FeedSource {
  /** The ids of the feeds that the page merges. */
  feeds: FragmentSqlToken
  /** Posts and their places: at least the page's, at most once each. */
  places: FragmentSqlToken
}

function oneFeed(feed: FragmentSqlToken, before: Cursor): FeedSource {
  return {
    feeds: feed,
    places: sql.fragment`
      select e.post_id, e.at
      from entries e
      where e.feed_id = (${feed})
        and (e.at, e.post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
        and ${HAS_AUTHOR}
      order by e.at desc, e.post_id desc
      limit ${PAGE + 1}`,
  }
}

function feedQuery(viewerId: string | null, { feeds, places }: FeedSource) {
  return sql.row<FeedRow>()`
    with page as (
      select p, places.at
      -- In order before anything else: who may see a post is then asked for a page of them, not for all (a member of
      -- 100 groups: 1,100 times 33 µs).
      from (select * from (${places}) each order by at desc, post_id desc offset 0) places
      join posts p on p.id = places.post_id
      where may_see_post(${viewerId}::bigint, p)
      order by places.at desc, p.id desc
      limit ${PAGE + 1}
    ),
    cards as (
      select (p).id, at, post_card(p) as card
      from page
    )
    select
      coalesce((select max(seq) from log), 0) as seq,
      (select coalesce(json_agg(feed_id::text order by feed_id), '[]') from (${feeds}) f) as feeds,
      (
        select coalesce(
          json_agg(json_build_object('at', utc(at), 'card', card) order by at desc, id desc),
          '[]'
        )
        from cards
      ) as posts,
      json_build_object(
        'posts', (
          select coalesce(json_agg(post_id::text), '[]')
          from post_likes
          where user_id = ${viewerId}::bigint and post_id in (select id from cards)
        ),
        'comments', (
          -- Of the comments that the cards show: of thousands at a busy post it would cost more than all else.
          select coalesce(json_agg(l.comment_id::text), '[]')
          from cards
          cross join jsonb_array_elements(card -> 'comments') shown
          join comment_likes l on l.comment_id = (shown ->> 'id')::bigint and l.user_id = ${viewerId}::bigint
        )
      ) as likes`
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

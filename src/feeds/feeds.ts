import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../lib/db.ts'
import { leadEntry } from '../shared/entries.ts'
import type { FeedPage } from '../shared/pages.ts'
import type { FeedPostView, LikesView, Me, PostView } from '../shared/views.ts'
import { formatCursor, parseBefore, type Cursor } from './cursor.ts'

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
      feeds: sql.fragment`select feed_id from subscriptions where user_id = ${me.id}`,
      // The newest few of each feed, merged: 0.4 ms at 50 subscriptions over a million posts. An entry counts only
      // where no other of the viewer's feeds holds the post at a newer place, so that a post comes once, on its page.
      places: sql.fragment`
        select place.post_id, place.at
        from subscriptions s
        cross join lateral (
          select e.post_id, e.at
          from entries e
          where e.feed_id = s.feed_id
            and (e.at, e.post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
            and not exists (
              select
              from entries newer
              join subscriptions also on also.user_id = s.user_id and also.feed_id = newer.feed_id
              where newer.post_id = e.post_id
                and (newer.at, newer.feed_id) > (e.at, e.feed_id)
            )
          order by e.at desc, e.post_id desc
          limit ${PAGE + 1}
        ) place
        where s.user_id = ${me.id}`,
    }),
  )
  return toPage(row, '/stream')
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
      select post_id, at
      from entries
      where feed_id = (${feed})
        and (at, post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
      order by at desc, post_id desc
      limit ${PAGE + 1}`,
  }
}

function feedQuery(viewerId: string | null, { feeds, places }: FeedSource) {
  return sql.row<FeedRow>()`
    with places as (${places}),
    page as (
      select p, places.at
      from places
      join posts p on p.id = places.post_id
      where may_see_post(${viewerId}::bigint, p)
      order by places.at desc, p.id desc
      limit ${PAGE + 1}
    )
    select
      coalesce((select max(seq) from log), 0) as seq,
      (select coalesce(json_agg(feed_id::text order by feed_id), '[]') from (${feeds}) f) as feeds,
      (
        select coalesce(
          json_agg(json_build_object('at', utc(at), 'card', post_card(p)) order by at desc, (p).id desc),
          '[]'
        )
        from page
      ) as posts,
      json_build_object(
        'posts', (
          select coalesce(json_agg(post_id::text), '[]')
          from post_likes
          where user_id = ${viewerId}::bigint and post_id in (select (p).id from page)
        ),
        'comments', (
          select coalesce(json_agg(comment_id::text), '[]')
          from comment_likes l
          join comments c on c.id = l.comment_id
          where l.user_id = ${viewerId}::bigint and c.post_id in (select (p).id from page)
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

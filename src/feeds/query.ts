import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import type { LikesView, PostView } from '../shared/views.ts'

export const PAGE = 10

/** One row: the whole page as of one snapshot, so that its `seq` is the cursor from which the stream goes on. */
export interface FeedRow {
  seq: string
  /** Whether rows of deleted accounts are left. */
  deleting: boolean
  feeds: string[]
  posts: { at: string; card: PostView }[]
  likes: LikesView
}

export interface FeedSource {
  /** The ids of the feeds that the page merges. */
  feeds: FragmentSqlToken
  /** Posts and their places: at least the page's, at most once each. */
  places: FragmentSqlToken
}

/** Conditions on subscriptions, and on the row `e` of entries. */
export interface Filter {
  feeds: FragmentSqlToken
  entries: FragmentSqlToken
}

const EVERYTHING: Filter = { feeds: sql.fragment`true`, entries: sql.fragment`true` }

const OF_KEPT_ACCOUNTS: Filter = {
  feeds: sql.fragment`feed_id not in (select feed_id from users where deleted_at is not null)`,
  entries: sql.fragment`not exists (
    select
    from posts p
    join users author on author.id = p.author_id
    where p.id = e.post_id and author.deleted_at is not null
  )`,
}

/**
 * Reads a page; while accounts are being deleted, a second time without their feeds and posts. `may_see_post` hides those
 * posts too, but after the page is cut: it would be short, and look like the last one. Both conditions in every query cost
 * 1.5 ms on the first page and 6 ms on a later one, mostly for planning.
 */
export async function readPage(
  db: Db,
  viewerId: string | null,
  sourceOf: (filter: Filter) => FeedSource,
): Promise<FeedRow> {
  const row = await db.one(feedQuery(viewerId, sourceOf(EVERYTHING)))
  return row.deleting ? db.one(feedQuery(viewerId, sourceOf(OF_KEPT_ACCOUNTS))) : row
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
      exists (select from users where deleted_at is not null) as deleting,
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

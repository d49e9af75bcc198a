import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import type { LikesView, PostView } from '../shared/views.ts'

export const PAGE_SIZE = 10

/**
 * A whole page in one row. All of it belongs to the snapshot of `seq`, the cursor with which the page opens its stream.
 */
export interface FeedRow {
  seq: string
  /** Whether an account is being deleted: some of its rows may still exist. */
  deleting: boolean
  feeds: string[]
  posts: { at: string; card: PostView }[]
  likes: LikesView
}

export interface FeedSource {
  /** Selects `feed_id` of each feed that the page merges. */
  feeds: FragmentSqlToken
  /** Selects `post_id` and `at` of posts, each once: at least those of the page. */
  posts: FragmentSqlToken
}

/** Conditions on rows of `subscriptions`, and on the row `e` of `entries`. */
export interface Filter {
  feeds: FragmentSqlToken
  entries: FragmentSqlToken
}

const NO_FILTER: Filter = { feeds: sql.fragment`true`, entries: sql.fragment`true` }

const WITHOUT_DELETED_ACCOUNTS: Filter = {
  feeds: sql.fragment`feed_id not in (select feed_id from users where deleted_at is not null)`,
  entries: sql.fragment`not exists (
    select
    from posts p
    join users author on author.id = p.author_id
    where p.id = e.post_id and author.deleted_at is not null
  )`,
}

/**
 * Reads a page. While an account is being deleted, reads it a second time without the feeds and posts of that account.
 * `may_see_post` hides these posts too, but only after the query has limited the number of rows: the page would be
 * short and look like the last one. With both conditions in every query, the first page would take 1.5 ms longer and a
 * later one 6 ms, mostly for planning.
 */
export async function readFeedPage(
  db: Db,
  viewerId: string | null,
  sourceOf: (filter: Filter) => FeedSource,
): Promise<FeedRow> {
  const row = await db.one(feedQuery(viewerId, sourceOf(NO_FILTER)))
  return row.deleting ? db.one(feedQuery(viewerId, sourceOf(WITHOUT_DELETED_ACCOUNTS))) : row
}

function feedQuery(viewerId: string | null, { feeds, posts }: FeedSource) {
  return sql.row<FeedRow>()`
    with page as (
      select p, sorted.at
      -- Sorts before the join, so that may_see_post runs for the posts of one page, not for all: for a member of 100
      -- groups, that would be 1,100 calls of 33 µs.
      from (select * from (${posts}) candidates order by at desc, post_id desc offset 0) sorted
      join posts p on p.id = sorted.post_id
      where may_see_post(${viewerId}::bigint, p)
      order by sorted.at desc, p.id desc
      limit ${PAGE_SIZE + 1}
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
          -- Only for the comments that the cards show. A busy post has thousands: reading the likes of all of them
          -- would cost more than the rest of the query.
          select coalesce(json_agg(l.comment_id::text), '[]')
          from cards
          cross join jsonb_array_elements(card -> 'comments') shown
          join comment_likes l on l.comment_id = (shown ->> 'id')::bigint and l.user_id = ${viewerId}::bigint
        )
      ) as likes`
}

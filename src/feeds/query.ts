import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import type { LikesView, PageEntryView, PostView } from '../shared/views.ts'

export const PAGE_SIZE = 10

/**
 * A whole page in one row. All of it belongs to the snapshot of `seq`, the cursor with which the page opens its stream.
 */
export interface FeedRow {
  seq: string
  /** Whether an account is being deleted: some of its rows may still exist. */
  deleting: boolean
  feeds: string[]
  places: Place[]
  likes: LikesView
}

/** A post on a page, in the order of the page. */
export interface Place {
  id: string
  entry: PageEntryView
  /** Null if the query was asked to leave out the cards. */
  card: PostView | null
}

export interface FeedSource {
  /** Selects `feed_id` of each feed that the page merges. */
  feeds: FragmentSqlToken
  /**
   * Selects at least the posts of the page, each once: `post_id`, and its entry on the page as `at`, `reason` and
   * `actor_id`. `reason` and `actor_id` are null if the post was posted in one of the feeds.
   */
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
 * Reads a page, with or without its cards. While an account is being deleted, reads it a second time without the feeds
 * and posts of that account. `may_see_post` hides these posts too, but only after the query has limited the number of
 * rows: the page would be short and look like the last one. With both conditions in every query, the first page would
 * take 1.5 ms longer and a later one 6 ms, mostly for planning.
 */
export async function readFeedRow(
  db: Db,
  viewerId: string | null,
  sourceOf: (filter: Filter) => FeedSource,
  { cards }: { cards: boolean },
): Promise<FeedRow> {
  const row = await db.one(feedQuery(viewerId, sourceOf(NO_FILTER), cards))
  return row.deleting ? db.one(feedQuery(viewerId, sourceOf(WITHOUT_DELETED_ACCOUNTS), cards)) : row
}

function feedQuery(viewerId: string | null, { feeds, posts }: FeedSource, withCards: boolean) {
  const card = withCards ? sql.fragment`post_card(p)` : sql.fragment`null`
  return sql.row<FeedRow>()`
    with page as (
      select p, sorted.at, sorted.reason, sorted.actor_id
      -- Sorts before the join, so that may_see_post runs for the posts of one page only. A call takes up to 33 µs.
      from (select * from (${posts}) candidates order by at desc, post_id desc offset 0) sorted
      join posts p on p.id = sorted.post_id
      where may_see_post(${viewerId}::bigint, p)
      order by sorted.at desc, p.id desc
      limit ${PAGE_SIZE + 1}
    )
    select
      coalesce((select max(seq) from log), 0) as seq,
      exists (select from users where deleted_at is not null) as deleting,
      (select coalesce(json_agg(feed_id::text order by feed_id), '[]') from (${feeds}) f) as feeds,
      (
        select coalesce(
          json_agg(
            json_build_object(
              'id', (p).id::text,
              'entry', json_build_object(
                'at', utc(page.at),
                'reason', page.reason,
                'actor', (select user_view(actor) from users actor where actor.id = page.actor_id)
              ),
              'card', ${card}
            )
            order by page.at desc, (p).id desc
          ),
          '[]'
        )
        from page
      ) as places,
      json_build_object(
        'posts', (
          select coalesce(json_agg(post_id::text), '[]')
          from post_likes
          where user_id = ${viewerId}::bigint and post_id in (select (p).id from page)
        ),
        'comments', (
          -- Only for the comments that the cards show. A busy post has thousands: reading the likes of all of them
          -- would cost more than the rest of the query.
          select coalesce(json_agg(l.comment_id::text), '[]')
          from page
          cross join lateral (${shownComments}) shown
          join comment_likes l on l.comment_id = shown.id and l.user_id = ${viewerId}::bigint
        )
      ) as likes`
}

/** The comments that the card of the post `p` shows; see `shown_comments` in sql/10_views.sql. */
const shownComments = sql.fragment`
  (
    select c.id
    from comments c
    where c.post_id = (p).id
    order by c.id
    limit case when (p).comment_count > 5 then 1 else 5 end
  )
  union
  (select c.id from comments c where c.post_id = (p).id order by c.id desc limit 2)`

/** Returns those of the comments that the viewer likes. */
export function readCommentLikes(db: Db, viewerId: string, ids: string[]): Promise<readonly string[]> {
  return db.anyFirst(sql.row<{ id: string }>()`
    select comment_id as id
    from comment_likes
    where user_id = ${viewerId} and comment_id = any(${sql.array(ids, 'int8')})`)
}

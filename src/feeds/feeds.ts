import type { FragmentSqlToken } from 'slonik'
import { sql } from '../db/pool.ts'
import type { FeedPage } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import type { Cursor } from '../db/pagination.ts'
import { readFeedPage, type FeedDeps, type FeedRequest } from './page.ts'
import { PAGE_SIZE, type FeedSource, type Filter } from './query.ts'

/**
 * The home page of `me`: merges all feeds that `me` subscribes to. Shows each post once, at its newest entry in them.
 */
export async function homePage(deps: FeedDeps, me: Pick<Me, 'id'>, before: Cursor): Promise<FeedPage> {
  return readFeedPage(deps, homeRequest(me.id, before))
}

export function homeRequest(userId: string, before: Cursor): FeedRequest {
  const sourceOf = ({ feeds }: Filter) => ({
    feeds: sql.fragment`select feed_id from subscriptions where user_id = ${userId} and ${feeds}`,
    // Leaves out deleted accounts itself.
    posts: sql.fragment`
      select post_id, at, reason, actor_id
      from home_places(${userId}, ${before.at}::timestamptz, ${before.id}::bigint, ${PAGE_SIZE + 1})`,
  })
  return { viewerId: userId, stream: '/stream', sourceOf }
}

/** The public feed. */
export async function publicPage(deps: FeedDeps, viewerId: string | null, before: Cursor): Promise<FeedPage> {
  const feed = sql.fragment`select id as feed_id from feeds where kind = 'public'`
  return readFeedPage(deps, { viewerId, stream: '/public/stream', sourceOf: oneFeed(feed, before) })
}

/** The feed of a person: the posts that the person wrote, commented on or liked. */
export async function userPage(
  deps: FeedDeps,
  viewerId: string | null,
  user: { username: string; feed_id: string },
  before: Cursor,
): Promise<FeedPage> {
  const feed = sql.fragment`select ${user.feed_id}::bigint as feed_id`
  const stream = `/users/${user.username}/stream`
  return readFeedPage(deps, { viewerId, stream, sourceOf: oneFeed(feed, before) })
}

/** The feed of a group; empty if the viewer may not see its posts. */
export async function groupPage(
  deps: FeedDeps,
  viewerId: string | null,
  group: { name: string; feed_id: string },
  before: Cursor,
): Promise<FeedPage> {
  const feed = sql.fragment`select ${group.feed_id}::bigint as feed_id`
  const stream = `/groups/${group.name}/stream`
  return readFeedPage(deps, { viewerId, stream, sourceOf: oneFeed(feed, before) })
}

function oneFeed(feed: FragmentSqlToken, before: Cursor): (filter: Filter) => FeedSource {
  return (filter) => ({
    feeds: feed,
    posts: sql.fragment`
      select
        e.post_id,
        e.at,
        case when e.reason <> 'posted' then e.reason end as reason,
        case when e.reason <> 'posted' then e.actor_id end as actor_id
      from entries e
      where e.feed_id = (${feed})
        and (e.at, e.post_id) < (${before.at}::timestamptz, ${before.id}::bigint)
        and ${filter.entries}
      order by e.at desc, e.post_id desc
      limit ${PAGE_SIZE + 1}`,
  })
}

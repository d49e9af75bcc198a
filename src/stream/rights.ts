import { sql, type Db } from '../db/pool.ts'
import type { Rights, Viewer } from './clients/subscriber.ts'

/** One of the pages that a stream keeps current. */
export type Page = { kind: 'public' | 'users' | 'groups' | 'posts'; key: string }

/** The content that a stream requests: the viewer's home feed, pages, or both. */
export interface Wanted {
  viewer: Viewer | null
  home: boolean
  pages: Page[]
}

export interface Authorized {
  rights: Rights
  /** False if the viewer's session has ended since it was looked up; true for an anonymous client. */
  isSessionAlive: boolean
  /** The wanted pages that do not exist, or that the viewer may not see. */
  missing: Page[]
}

interface Row {
  alive: boolean
  changed_at: string
  feeds: string[]
  /** `position` is the index of the page in `Wanted.pages`. */
  pages: { position: number; topic: string | null; guarded: boolean | null }[]
}

/** Reads the rights of many streams in one query. */
export async function authorize(db: Db, wanted: readonly Wanted[]): Promise<Authorized[]> {
  const pages = wanted.flatMap((one, n) =>
    one.pages.map((page, position) => ({ n: n + 1, position, ...page })),
  )
  const rows = await db.any(sql.row<Row>()`
    with wanted as (
      select *
      from unnest(
        ${sql.array(
          wanted.map((one) => one.viewer?.id ?? null),
          'int8',
        )},
        ${sql.array(
          wanted.map((one) => one.viewer?.session ?? null),
          'text',
        )},
        ${sql.array(
          wanted.map((one) => one.home),
          'bool',
        )}
      ) with ordinality as wanted (viewer_id, session, home, n)
    ),
    asked as (
      select *
      from unnest(
        ${sql.array(
          pages.map((page) => page.n),
          'int8',
        )},
        ${sql.array(
          pages.map((page) => page.position),
          'int8',
        )},
        ${sql.array(
          pages.map((page) => page.kind),
          'text',
        )},
        ${sql.array(
          pages.map((page) => page.key),
          'text',
        )}
      ) as asked (n, position, kind, key)
    ),
    found as (
      select
        wanted.n,
        json_agg(
          json_build_object('position', asked.position, 'topic', page.topic, 'guarded', page.guarded)
        ) as pages
      from wanted
      join asked on asked.n = wanted.n
      left join lateral (
        select 'feed:' || f.id as topic, false as guarded
        from feeds f
        where asked.kind = 'public' and f.kind = 'public'
        union all
        select 'feed:' || u.feed_id, false
        from names n
        join users u on u.feed_id = n.feed_id and u.deleted_at is null
        where asked.kind = 'users' and n.name = asked.key -- an earlier name leads to its owner
        union all
        select 'feed:' || g.feed_id, g.visibility = 'private'
        from groups g
        where asked.kind = 'groups' and g.name = asked.key and may_see_group(wanted.viewer_id, g)
        union all
        select 'post:' || p.id, g.visibility is not distinct from 'private'
        from posts p
        left join groups g on g.id = p.group_id
        where asked.kind = 'posts'
          and p.id = case when asked.kind = 'posts' then asked.key::bigint end
          and may_see_post(wanted.viewer_id, p)
      ) page on true
      group by wanted.n
    )
    select
      wanted.viewer_id is null or exists (
        select
        from sessions s
        where s.id_hash = decode(wanted.session, 'hex') and s.user_id = wanted.viewer_id and s.expires_at > now()
      ) as alive,
      coalesce((select r.seq from rights r where r.user_id = wanted.viewer_id), 0) as changed_at,
      (
        select coalesce(json_agg('feed:' || s.feed_id), '[]')
        from subscriptions s
        where wanted.home and s.user_id = wanted.viewer_id
      ) as feeds,
      coalesce(found.pages, '[]') as pages
    from wanted
    left join found on found.n = wanted.n
    order by wanted.n`)
  return rows.map((row, n) => toAuthorized(row, wanted[n]!))
}

function toAuthorized({ alive, changed_at, feeds, pages }: Row, wanted: Wanted): Authorized {
  const topics = pages.map(({ topic }) => topic).filter((topic) => topic !== null)
  const found = new Set(pages.filter(({ topic }) => topic !== null).map(({ position }) => position))
  const guarded = pages.some((page) => page.guarded)
  return {
    rights: { feeds, pages: topics, guarded, changedAt: Number(changed_at) },
    isSessionAlive: alive,
    missing: wanted.pages.filter((_page, position) => !found.has(position)),
  }
}

import { sql, type Db } from '../db/pool.ts'
import { BadRequest } from '../lib/errors.ts'
import { friendCounts } from '../follows/follows.ts'
import type { SuggestionView } from '../shared/pages.ts'
import { personView } from '../users/users.ts'

const PAGE = 10
const MAX_ID = (2n ** 63n - 1n).toString()

/** A page of people. `before` is the cursor of the next page; null if this is the last one. */
export interface PeoplePage<Person> {
  people: Person[]
  before: string | null
}

/**
 * Lists everybody except the viewer and suspended accounts. First come the people that the viewer does not follow, but
 * whom friends follow; those with the most such friends are first. Then come all others, newest first. The query reads a
 * bounded number of rows: those of `friendCounts`, and as many of the others as the page shows.
 * @throws BadRequest if `before` is not a cursor of this list.
 */
export async function listDirectory(
  db: Db,
  viewerId: string | null,
  before: string | undefined,
): Promise<PeoplePage<SuggestionView>> {
  const { rank, id } = parseCursor(before)
  const rows = await db.any(sql.row<{ id: string; friends: string; person: SuggestionView }>()`
    with mine as (
      select feed_id from subscriptions where user_id = ${viewerId}::bigint
    ),
    friends as (${friendCounts(viewerId)}),
    known as materialized (
      select u.id, friends.friends
      from friends
      join users u using (feed_id)
      where u.deleted_at is null and u.suspended_at is null and u.feed_id not in (select feed_id from mine)
    ),
    listed as (
      (
        select id, friends
        from known
        where (friends, id) < (${rank}::bigint, ${id}::bigint)
        order by friends desc, id desc
        limit ${PAGE + 1}
      )
      union all
      (
        select u.id, 0
        from users u
        where u.id < case when ${rank}::bigint = 0 then ${id}::bigint else ${MAX_ID}::bigint end
          and u.id is distinct from ${viewerId}::bigint
          and u.deleted_at is null and u.suspended_at is null
          and not exists (select from known where known.id = u.id)
        order by u.id desc
        limit ${PAGE + 1}
      )
    )
    select u.id, listed.friends,
      ${personView(viewerId)} || jsonb_build_object('friends', listed.friends) as person
    from listed
    join users u on u.id = listed.id
    order by listed.friends desc, u.id desc
    limit ${PAGE + 1}`)
  const shown = rows.slice(0, PAGE)
  const last = shown.at(-1)
  return {
    people: shown.map(({ person }) => person),
    before: rows.length > PAGE && last ? `${last.friends}_${last.id}` : null,
  }
}

function parseCursor(before = ''): { rank: string; id: string } {
  if (before === '') return { rank: MAX_ID, id: MAX_ID }
  const [, rank, id] = /^(0|[1-9]\d{0,8})_([1-9]\d{0,18})$/.exec(before) ?? []
  if (rank === undefined || id === undefined || BigInt(id) > BigInt(MAX_ID))
    throw new BadRequest('Invalid page cursor.')
  return { rank, id }
}

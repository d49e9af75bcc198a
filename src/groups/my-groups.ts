import { toPage, type Cursor } from '../db/pagination.ts'
import { sql, type Db } from '../db/pool.ts'
import type { GroupSummary } from '../shared/pages.ts'
import type { GroupView, Me } from '../shared/views.ts'
import { groupSummary } from './groups.ts'

const PAGE = 10
/** Groups that the home page names. */
const MAX_NAMES = 20
/** Group ids in `me.owns`: the limit of `owned_groups` in sql/50_groups.sql. */
const MAX_OWNS = 100

/** Lists the public and private groups of which `me` is a member, the last joined first. */
export async function listMyGroups(
  db: Db,
  me: Me,
  before: Cursor,
): Promise<{ groups: GroupSummary[]; before: string | null }> {
  const rows = await db.any(sql.row<{ at: string; id: string; group: GroupSummary }>()`
    select utc(joined_at) as at, g.id, ${groupSummary(me.id)} as group
    from (
      select s.created_at as joined_at, g.id
      from subscriptions s
      join groups g on g.feed_id = s.feed_id
      where s.user_id = ${me.id}
        and (s.created_at, g.id) < (${before.at}::timestamptz, ${before.id}::bigint)
      order by s.created_at desc, g.id desc
      limit ${PAGE + 1}
    ) joined
    join groups g on g.id = joined.id
    order by joined_at desc, g.id desc`)
  const page = toPage(rows, PAGE)
  return { groups: page.rows.map(({ group }) => group), before: page.before }
}

/** Lists the groups that `me` joined last, by title, and says whether there are more. The home page shows them. */
export async function listMyGroupNames(
  db: Db,
  me: { id: string },
): Promise<{ groups: GroupView[]; more_groups: boolean }> {
  const rows = await db.anyFirst(sql.row<{ group: GroupView }>()`
    select group_view(g) as group
    from subscriptions s
    join groups g on g.feed_id = s.feed_id
    where s.user_id = ${me.id}
    order by s.created_at desc, g.id desc
    limit ${MAX_NAMES + 1}`)
  const groups = rows.slice(0, MAX_NAMES).toSorted((a, b) => a.title.localeCompare(b.title))
  return { groups, more_groups: rows.length > MAX_NAMES }
}

/**
 * Completes `me.owns` for a page. The list is limited, so for users who own more groups this adds the owned groups
 * whose posts the page shows. The page then offers the actions of owners.
 */
export async function addShownOwnership(
  db: Db,
  me: Me | null,
  posts: readonly { group: GroupView | null }[],
): Promise<void> {
  if (!me || me.owns.length < MAX_OWNS) return
  const shown = posts.flatMap(({ group }) => (group ? [group.id] : []))
  const unknown = shown.filter((id) => !me.owns.includes(id))
  if (unknown.length === 0) return
  const owned = await db.anyFirst(sql.row<{ id: string }>()`
    select g.id
    from groups g
    join group_owners o on o.feed_id = g.feed_id
    where o.user_id = ${me.id} and g.id = any(${sql.array(unknown, 'int8')})`)
  me.owns.push(...owned)
}

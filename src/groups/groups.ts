import { UniqueIntegrityConstraintViolationError, type FragmentSqlToken } from 'slonik'
import { z } from 'zod'
import { toPage, type Cursor } from '../db/pagination.ts'
import { isBlank } from '../lib/blank.ts'
import { storable, text } from '../web/body.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, Invalid, NotFound } from '../lib/errors.ts'
import { foldName } from '../web/paths.ts'
import { DAY, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { GroupPageView, GroupMembershipView, GroupSummary } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { newName, requireFreeName, type NameErrors } from '../names/names.ts'

const GROUP_RATE: Rate = { key: 'groups', limit: 'groups', max: 20, seconds: DAY }

const PAGE = 10
const NAME_TAKEN = 'This name is taken'
const NAME_RESERVED = 'This name is reserved'
const NAME_ERRORS: NameErrors = { field: 'name', taken: NAME_TAKEN, reserved: NAME_RESERVED }

export interface GroupRow {
  id: string
  feed_id: string
  name: string
  visibility: 'public' | 'private'
}

export const GroupInput = z.object({
  name: newName({
    empty: 'Please choose a name',
    malformed: 'A name must have 3 to 15 letters, digits or underscores',
    reserved: NAME_RESERVED,
  }),
  title: text({
    max: 80,
    empty: 'Please give the group a title',
    long: 'A title can have at most 80 characters',
  }),
  description: storable()
    .refine((description) => [...description].length <= 1000, {
      error: 'A description can have at most 1,000 characters',
      abort: true,
    })
    .nullish()
    .transform((description) => (description == null || isBlank(description) ? '' : description)),
  visibility: z.enum(['public', 'private'], 'Please choose public or private').prefault('public'),
})

/**
 * Creates a group; `me` becomes its first member and its owner. The limit does not count attempts with a name that is
 * taken.
 * @throws Invalid if a user or another group has the name.
 * @throws TooMany if `me` has created too many groups lately.
 */
export async function createGroup(
  { db, write, throttle }: { db: Db; write: Write; throttle: Throttle },
  me: Me,
  { name, title, description, visibility }: z.output<typeof GroupInput>,
): Promise<GroupSummary> {
  await requireFreeName(db, name, NAME_ERRORS)
  await throttle(GROUP_RATE, me.id)
  try {
    const id = await write(async (tx) => {
      const { id, feed_id } = await tx.one(sql.row<{ id: string; feed_id: string }>()`
        insert into groups (name, title, description, visibility)
        values (${name}, ${title}, ${description}, ${visibility})
        returning id, feed_id`)
      // A trigger makes the first member an owner (sql/50_groups.sql).
      await tx.query(sql.command`insert into subscriptions (user_id, feed_id) values (${me.id}, ${feed_id})`)
      return id
    })
    // After the commit, because only it changes the number of members.
    return await db.oneFirst(sql.row<{ group: GroupSummary }>()`
      select ${groupSummary(me.id)} as group from groups g where g.id = ${id}`)
  } catch (error) {
    // Another request has taken the name since it was free.
    if (error instanceof UniqueIntegrityConstraintViolationError) throw new Invalid({ name: NAME_TAKEN })
    throw error
  }
}

/**
 * Finds any group, also a private one. Its name is public; its content may not be.
 * @throws NotFound if no group has this name.
 */
export async function getGroup(db: Db, name: string): Promise<GroupRow> {
  return (await findGroup(db, name, sql.fragment`true`)) ?? throwGroupNotFound()
}

/** Finds a group whose content the viewer may see. `viewerId` is null for anonymous visitors. */
export async function findVisibleGroup(
  db: Db,
  viewerId: string | null,
  name: string,
): Promise<GroupRow | null> {
  return findGroup(db, name, sql.fragment`may_see_group(${viewerId}::bigint, g)`)
}

/**
 * Finds a group that `me` owns.
 * @throws NotFound if no group has this name, or `me` may not see its content.
 * @throws Forbidden if `me` is not an owner.
 */
export async function getOwnedGroup(db: Db, me: Me, name: string): Promise<GroupRow> {
  const group = (await findVisibleGroup(db, me.id, name)) ?? throwGroupNotFound()
  if (!(await db.oneFirst(sql.row<{ owned: boolean }>()`select owns_group(${me.id}, ${group.id}) as owned`)))
    throw new Forbidden('Only owners of this group can do this.')
  return group
}

/**
 * Says whether the viewer is a member or an owner of a group, or has asked to join it. Any viewer may know this.
 * @throws NotFound if the group has been deleted.
 */
export async function getMembership(
  db: Db,
  viewerId: string | null,
  { id }: { id: string },
): Promise<GroupMembershipView> {
  const group = await db.maybeOneFirst(sql.row<{ group: GroupMembershipView }>()`
    select ${groupMembership(viewerId)} as group from groups g where g.id = ${id}`)
  return group ?? throwGroupNotFound()
}

/**
 * Reads what the top of the group's own page shows.
 * @throws NotFound if the group has been deleted, or the viewer may not see its content.
 */
export async function getGroupPageView(
  db: Db,
  viewerId: string | null,
  { id }: { id: string },
): Promise<GroupPageView> {
  const group = await db.maybeOneFirst(sql.row<{ group: GroupPageView }>()`
    select ${groupSummary(viewerId)} || jsonb_build_object(
      'requests', case when owns_group(${viewerId}::bigint, g.id) then (
        select count(*) from group_requests r where r.group_id = g.id
      ) else 0 end
    ) as group
    from groups g
    where g.id = ${id} and may_see_group(${viewerId}::bigint, g)`)
  return group ?? throwGroupNotFound()
}

/** Lists public groups, newest first. */
export async function listPublicGroups(
  db: Db,
  viewerId: string | null,
  before: Cursor,
): Promise<{ groups: GroupSummary[]; before: string | null }> {
  const rows = await db.any(sql.row<{ at: string; id: string; group: GroupSummary }>()`
    select utc(g.created_at) as at, g.id, ${groupSummary(viewerId)} as group
    from groups g
    where g.visibility = 'public'
      and (g.created_at, g.id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by g.created_at desc, g.id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { groups: page.rows.map(({ group }) => group), before: page.before }
}

/** Builds the GroupMembershipView of the row `g` of groups. It contains nothing that a private group hides. */
function groupMembership(viewerId: string | null): FragmentSqlToken {
  return sql.fragment`(group_view(g) || jsonb_build_object(
    'member', exists (select from subscriptions s where s.user_id = ${viewerId}::bigint and s.feed_id = g.feed_id),
    'owner', owns_group(${viewerId}::bigint, g.id),
    'requested', exists (select from group_requests r where r.user_id = ${viewerId}::bigint and r.group_id = g.id)
  ))`
}

/** Builds the GroupSummary of the row `g` of groups. Only for viewers who may see the content of the group. */
export function groupSummary(viewerId: string | null): FragmentSqlToken {
  return sql.fragment`(${groupMembership(viewerId)} || jsonb_build_object(
    'description', g.description,
    'members', coalesce((select c.subscriber_count from feed_counts c where c.feed_id = g.feed_id), 0)
  ))`
}

async function findGroup(db: Db, name: string, condition: FragmentSqlToken): Promise<GroupRow | null> {
  const folded = foldName(name)
  if (folded === null) return null
  return db.maybeOne(sql.row<GroupRow>()`
    select id, feed_id, name, visibility
    from groups g
    where name = ${folded} and ${condition}`)
}

export function throwGroupNotFound(): never {
  throw new NotFound('Group not found')
}

import { START, toPage, type Cursor } from '../db/pagination.ts'
import { listPeople, type PeoplePage } from '../users/people.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, Invalid, NotFound } from '../lib/errors.ts'
import type { GroupMembershipView, MemberView } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { personView, type UserRow } from '../users/users.ts'
import { getMembership, type GroupRow } from './groups.ts'

const PAGE = 10

/**
 * Joins a public group, or asks the owners of a private group for membership. Repeating it changes nothing.
 * @throws NotFound if the group has been deleted.
 */
export async function joinGroup(write: Write, me: Me, group: GroupRow): Promise<GroupMembershipView> {
  return write(async (tx) => {
    await tx.query(
      group.visibility === 'public'
        ? sql.command`
            insert into subscriptions (user_id, feed_id)
            values (${me.id}, ${group.feed_id})
            on conflict do nothing`
        : sql.command`
            insert into group_requests (group_id, user_id)
            select ${group.id}::bigint, ${me.id}::bigint
            where not exists (select from subscriptions where user_id = ${me.id} and feed_id = ${group.feed_id})
            on conflict do nothing`,
    )
    return getMembership(tx, me.id, group)
  })
}

/**
 * Ends a membership, or withdraws a request to join; `withdrawn` is true for a request.
 * @throws Invalid if `me` is the only owner.
 * @throws NotFound if the group has been deleted.
 */
export async function leaveGroup(
  write: Write,
  me: Me,
  group: GroupRow,
): Promise<{ group: GroupMembershipView; withdrawn: boolean }> {
  const left = await write(async (tx) => {
    // The lock makes owners leave one at a time. Without it, the last two could leave at the same time.
    await tx.query(sql.command`select from groups where id = ${group.id} for no key update`)
    const isOnlyOwner = await tx.exists(sql.command`
      select
      from group_owners mine
      where mine.feed_id = ${group.feed_id} and mine.user_id = ${me.id}
        and not exists (select from group_owners o where o.feed_id = mine.feed_id and o.user_id <> mine.user_id)`)
    if (isOnlyOwner) return null
    const withdrawn = await deleteRequest(tx, group, me)
    await tx.query(
      sql.command`delete from subscriptions where feed_id = ${group.feed_id} and user_id = ${me.id}`,
    )
    return { group: await getMembership(tx, me.id, group), withdrawn }
  })
  if (!left)
    throw new Invalid({ group: 'The group needs an owner. Make another member an owner before you leave.' })
  return left
}

/** Owners that a list of members begins with. Fewer than a page has, so that its cursor is that of another member. */
const MAX_LEADING = PAGE - 1

/**
 * Lists members: first the owners who founded the group or were added first, then the others, newest first. The list is
 * empty if the viewer may not see the content of the group.
 */
export async function listMembers(
  db: Db,
  viewerId: string | null,
  group: GroupRow,
  before: Cursor,
): Promise<{ people: MemberView[]; before: string | null }> {
  const member = sql.fragment`
    select
      utc(s.created_at) as at,
      u.id,
      ${personView(viewerId)} || jsonb_build_object(
        'owner', exists (select from group_owners o where o.feed_id = s.feed_id and o.user_id = s.user_id)
      ) as person
    from groups g
    join subscriptions s on s.feed_id = g.feed_id
    join users u on u.id = s.user_id and u.deleted_at is null
    where g.id = ${group.id} and may_see_group(${viewerId}::bigint, g)`
  const rows = await db.any(sql.row<{ at: string; id: string; person: MemberView }>()`
    with first_owners as materialized (
      select user_id from group_owners where feed_id = ${group.feed_id} order by created_at, user_id limit ${MAX_LEADING}
    )
    select at, id, person
    from (
      select true as leads, owners.*
      from (${member} and ${before === START} and s.user_id in (select user_id from first_owners)) owners
      union all
      select false, others.*
      from (
        ${member} and s.user_id not in (select user_id from first_owners)
          and (s.created_at, s.user_id) < (${before.at}::timestamptz, ${before.id}::bigint)
        order by s.created_at desc, s.user_id desc
        limit ${PAGE + 1}
      ) others
    ) list
    order by leads desc, case when leads then at end, at desc, id desc`)
  const page = toPage(rows, PAGE)
  return { people: page.rows.map(({ person }) => person), before: page.before }
}

/** Lists the people who have asked to join, newest first. The list is empty if `me` is not an owner. */
export async function listRequests(db: Db, me: Me, group: GroupRow, before: Cursor): Promise<PeoplePage> {
  const requests = sql.fragment`
    select user_id, created_at
    from group_requests
    where group_id = ${group.id} and owns_group(${me.id}, ${group.id})`
  return listPeople(db, me.id, requests, before)
}

/**
 * Accepts a request to join: the user becomes a member.
 * @throws NotFound if the user has no open request.
 */
export async function acceptRequest(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  const isAccepted = await write(async (tx) => {
    const isFound = await deleteRequest(tx, group, user)
    if (isFound) {
      await tx.query(sql.command`
        insert into subscriptions (user_id, feed_id)
        values (${user.id}, ${group.feed_id})
        on conflict do nothing`)
    }
    return isFound
  })
  if (!isAccepted) throw new NotFound('Request not found')
}

/**
 * Declines a request to join.
 * @throws NotFound if the user has no open request.
 */
export async function declineRequest(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  if (!(await write((tx) => deleteRequest(tx, group, user)))) throw new NotFound('Request not found')
}

/**
 * Ends the membership of a user.
 * @throws NotFound if the user is not a member.
 * @throws Forbidden if the user is an owner.
 */
export async function removeMember(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  const { member, owner } = await write(async (tx) => {
    await tx.query(sql.command`select from groups where id = ${group.id} for no key update`)
    const membership = await getMembership(tx, user.id, group)
    if (membership.member && !membership.owner) {
      await tx.query(sql.command`
        delete from subscriptions
        where feed_id = ${group.feed_id} and user_id = ${user.id}`)
    }
    return membership
  })
  if (!member) throw new NotFound('Member not found')
  if (owner) throw new Forbidden('Owners cannot be removed.')
}

/**
 * Makes a member an owner; does nothing if the member is an owner already.
 * @throws NotFound if the user is not a member.
 */
export async function addOwner(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  const { member } = await write(async (tx) => {
    // `for key share` waits for a concurrent delete of the membership. Without it, the insert could fail.
    await tx.query(sql.command`
      insert into group_owners (feed_id, user_id)
      select feed_id, user_id
      from subscriptions
      where feed_id = ${group.feed_id} and user_id = ${user.id}
      for key share
      on conflict do nothing`)
    return getMembership(tx, user.id, group)
  })
  if (!member) throw new NotFound('Member not found')
}

/** Returns whether there was a request. */
async function deleteRequest(db: Db, group: GroupRow, user: { id: string }): Promise<boolean> {
  const deleted = await db.maybeOneFirst(sql.row<{ user_id: string }>()`
    delete from group_requests
    where group_id = ${group.id} and user_id = ${user.id}
    returning user_id`)
  return deleted !== null
}

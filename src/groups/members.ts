import { toPage, type Cursor } from '../db/pagination.ts'
import { listPeople, type PeoplePage } from '../users/people.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, Invalid, NotFound } from '../lib/errors.ts'
import type { GroupMembershipView, MemberView } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { personView, type UserRow } from '../users/users.ts'
import { getMembership, type GroupRow } from './groups.ts'

const PAGE = 10

/** Joining a public group makes one a member; a private group is asked, and its owners answer. Twice is once. */
export async function joinGroup(write: Write, me: Me, group: GroupRow): Promise<GroupMembershipView> {
  return write(async (tx) => {
    await tx.query(
      group.visibility === 'public'
        ? sql.unsafe`
            insert into subscriptions (user_id, feed_id)
            values (${me.id}, ${group.feed_id})
            on conflict do nothing`
        : sql.unsafe`
            insert into group_requests (group_id, user_id)
            select ${group.id}::bigint, ${me.id}::bigint
            where not exists (select from subscriptions where user_id = ${me.id} and feed_id = ${group.feed_id})
            on conflict do nothing`,
    )
    return getMembership(tx, me.id, group)
  })
}

/** Ends a membership, or takes a request back. Throws Invalid for the only owner. */
export async function leaveGroup(write: Write, me: Me, group: GroupRow): Promise<GroupMembershipView> {
  const left = await write(async (tx) => {
    // Owners come and go one after the other: two who leave at one instant would leave nobody.
    await tx.query(sql.unsafe`select from groups where id = ${group.id} for no key update`)
    const needed = await tx.exists(sql.unsafe`
      select
      from group_owners mine
      where mine.feed_id = ${group.feed_id} and mine.user_id = ${me.id}
        and not exists (select from group_owners o where o.feed_id = mine.feed_id and o.user_id <> mine.user_id)`)
    if (needed) return null
    await tx.query(sql.unsafe`delete from group_requests where group_id = ${group.id} and user_id = ${me.id}`)
    await tx.query(
      sql.unsafe`delete from subscriptions where feed_id = ${group.feed_id} and user_id = ${me.id}`,
    )
    return getMembership(tx, me.id, group)
  })
  if (!left) throw new Invalid({ group: 'You are the only owner: make another member one before you leave' })
  return left
}

/** A page of members, the newest first; nobody where the viewer may not look into the group. */
export async function listMembers(
  db: Db,
  viewerId: string | null,
  group: GroupRow,
  before: Cursor,
): Promise<{ people: MemberView[]; before: string | null }> {
  const rows = await db.any(sql.row<{ at: string; id: string; person: MemberView }>()`
    select
      utc(s.created_at) as at,
      u.id,
      ${personView(viewerId)} || jsonb_build_object(
        'owner', exists (select from group_owners o where o.feed_id = s.feed_id and o.user_id = s.user_id)
      ) as person
    from groups g
    join subscriptions s on s.feed_id = g.feed_id
    join users u on u.id = s.user_id and u.deleted_at is null
    where g.id = ${group.id} and may_see_group(${viewerId}::bigint, g)
      and (s.created_at, s.user_id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by s.created_at desc, s.user_id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { people: page.rows.map(({ person }) => person), before: page.before }
}

/** Who wants to be let in, the newest first; only owners see any. */
export async function listRequests(db: Db, me: Me, group: GroupRow, before: Cursor): Promise<PeoplePage> {
  const places = sql.fragment`
    select user_id, created_at
    from group_requests
    where group_id = ${group.id} and owns_group(${me.id}, ${group.id})`
  return listPeople(db, me.id, places, before)
}

/** Lets somebody in. Throws NotFound where they do not ask, or not any more. */
export async function acceptRequest(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  const asked = await write(async (tx) => {
    const found = await takeRequest(tx, group, user)
    if (found) {
      await tx.query(sql.unsafe`
        insert into subscriptions (user_id, feed_id)
        values (${user.id}, ${group.feed_id})
        on conflict do nothing`)
    }
    return found
  })
  if (!asked) throw new NotFound('There is no such request, or not any more.')
}

/** Throws NotFound where they do not ask, or not any more. */
export async function refuseRequest(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  if (!(await write((tx) => takeRequest(tx, group, user))))
    throw new NotFound('There is no such request, or not any more.')
}

/** Ends somebody's membership. Throws NotFound for who is no member, Forbidden for an owner. */
export async function removeMember(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  const found = await write(async (tx) => {
    await tx.query(sql.unsafe`select from groups where id = ${group.id} for no key update`)
    const standing = await getMembership(tx, user.id, group)
    if (standing.member && !standing.owner) {
      await tx.query(sql.unsafe`
        delete from subscriptions
        where feed_id = ${group.feed_id} and user_id = ${user.id}`)
    }
    return standing
  })
  if (!found.member) throw new NotFound('There is no such member.')
  if (found.owner) throw new Forbidden('An owner can only leave by their own choice.')
}

/** Makes a member an owner; twice is once. Throws NotFound for who is no member. */
export async function addOwner(write: Write, group: GroupRow, user: UserRow): Promise<void> {
  const standing = await write(async (tx) => {
    // The membership is locked first: an owner whose membership is being ended would be a broken reference.
    await tx.query(sql.unsafe`
      insert into group_owners (feed_id, user_id)
      select feed_id, user_id
      from subscriptions
      where feed_id = ${group.feed_id} and user_id = ${user.id}
      for key share
      on conflict do nothing`)
    return getMembership(tx, user.id, group)
  })
  if (!standing.member) throw new NotFound('There is no such member.')
}

async function takeRequest(db: Db, group: GroupRow, user: UserRow): Promise<boolean> {
  const taken = await db.maybeOneFirst(sql.row<{ user_id: string }>()`
    delete from group_requests
    where group_id = ${group.id} and user_id = ${user.id}
    returning user_id`)
  return taken !== null
}

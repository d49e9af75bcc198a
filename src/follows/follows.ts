import type { FragmentSqlToken } from 'slonik'
import type { Cursor } from '../db/pagination.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid } from '../lib/errors.ts'
import type { PersonView, SuggestionView } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { listPeople, type PeoplePage } from '../users/people.ts'
import { personView, throwUserNotFound, type UserRow } from '../users/users.ts'

/**
 * Follows a user; following the same user again changes nothing.
 * @throws Invalid if `user` is `me`.
 * @throws NotFound if the account has been deleted.
 */
export async function followUser(deps: { db: Db; write: Write }, me: Me, user: UserRow): Promise<PersonView> {
  if (user.id === me.id) throw new Invalid({ username: 'You cannot follow yourself' })
  await deps.write.statement(
    sql.command`
      insert into subscriptions (user_id, feed_id)
      values (${me.id}, ${user.feed_id})
      on conflict do nothing`,
    `feeds ${user.feed_id}`,
  )
  return getPerson(deps.db, me, user)
}

/**
 * Stops following a user; does nothing if `me` does not follow the user.
 * @throws Invalid if `user` is `me`: every user is subscribed to their own feed.
 * @throws NotFound if the account has been deleted.
 */
export async function unfollowUser(
  deps: { db: Db; write: Write },
  me: Me,
  user: UserRow,
): Promise<PersonView> {
  if (user.id === me.id) throw new Invalid({ username: 'You cannot unfollow yourself' })
  await deps.write.statement(
    sql.command`
      delete from subscriptions
      where user_id = ${me.id} and feed_id = ${user.feed_id}`,
    `feeds ${user.feed_id}`,
  )
  return getPerson(deps.db, me, user)
}

/** Lists the followers of a user, newest first. */
export async function listFollowers(
  db: Db,
  viewerId: string | null,
  user: UserRow,
  before: Cursor,
): Promise<PeoplePage> {
  return listPeople(
    db,
    viewerId,
    sql.fragment`
      select user_id, created_at
      from subscriptions
      where feed_id = ${user.feed_id} and user_id <> ${user.id}`,
    before,
  )
}

/** Lists the people that a user follows, newest first. */
export async function listFollowing(
  db: Db,
  viewerId: string | null,
  user: { id: string },
  before: Cursor,
): Promise<PeoplePage> {
  return listPeople(
    db,
    viewerId,
    sql.fragment`
      select followed.id as user_id, s.created_at
      from subscriptions s
      join users followed on followed.feed_id = s.feed_id
      where s.user_id = ${user.id} and followed.id <> ${user.id}`,
    before,
  )
}

/**
 * Suggests up to five people that `me` does not follow yet. The order is: most followed by the people that `me`
 * follows, then most active in public lately, then newest. Each part reads a bounded number of rows, so the cost does
 * not depend on the size of the site: 100 followed people with 100 subscriptions each, the newest 500 public posts, and
 * the newest 50 users.
 */
export async function listSuggestions(db: Db, me: { id: string }): Promise<SuggestionView[]> {
  const rows = await db.anyFirst(sql.row<{ person: SuggestionView }>()`
    with mine as (
      select feed_id from subscriptions where user_id = ${me.id}
    ),
    friends as (${friendCounts(me.id)}),
    active as (
      select p.author_id, count(*) + sum(p.comment_count) + sum(p.like_count) as activity
      from (
        select post_id
        from entries
        where feed_id = (select id from feeds where kind = 'public')
        order by at desc, post_id desc
        limit 500
      ) newest_posts
      join posts p on p.id = newest_posts.post_id
      group by p.author_id
    ),
    newest_users as (
      select id from users order by id desc limit 50
    ),
    candidates as (
      select u.id from friends join users u using (feed_id)
      union
      select author_id from active
      union
      select id from newest_users
    )
    select ${personView(me.id)} || jsonb_build_object('friends', coalesce(friends.friends, 0)) as person
    from candidates
    join users u on u.id = candidates.id
    left join friends on friends.feed_id = u.feed_id
    left join active on active.author_id = u.id
    where u.deleted_at is null and u.suspended_at is null and u.feed_id not in (select feed_id from mine)
    order by friends.friends desc nulls last, active.activity desc nulls last, u.id desc
    limit 5`)
  return [...rows]
}

/**
 * Builds a query for how many of the people that the viewer follows subscribe to which feeds. It reads at most 100
 * followed people with 100 subscriptions each.
 */
export function friendCounts(viewerId: string | null): FragmentSqlToken {
  return sql.fragment`
    select theirs.feed_id, count(*) as friends
    from (
      select u.id
      from subscriptions mine
      join users u on u.feed_id = mine.feed_id
      where mine.user_id = ${viewerId}::bigint and u.id <> mine.user_id
      limit 100
    ) friend
    cross join lateral (
      select feed_id from subscriptions where user_id = friend.id limit 100
    ) theirs
    group by theirs.feed_id`
}

/** @throws NotFound if the account has been deleted since `user` was read. */
async function getPerson(db: Db, me: Me, user: UserRow): Promise<PersonView> {
  const person = await db.maybeOneFirst(sql.row<{ person: PersonView }>()`
    select ${personView(me.id)} as person
    from users u
    where u.id = ${user.id} and u.deleted_at is null`)
  return person ?? throwUserNotFound()
}

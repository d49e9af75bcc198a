import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import { NotFound } from '../lib/errors.ts'
import { foldName } from '../web/paths.ts'
import type { ProfileView } from '../shared/pages.ts'
import type { UserView } from '../shared/views.ts'

export interface UserRow extends UserView {
  feed_id: string
}

/** Finds a user by the current username, or by an old one that nobody else has taken. */
export async function findUserByUsername(db: Db, username: string): Promise<UserRow | null> {
  const name = foldName(username)
  if (name === null) return null
  return db.maybeOne(sql.row<UserRow>()`
    select u.id, u.feed_id, u.username, u.name, u.avatar
    from names n
    join users u on u.feed_id = n.feed_id
    where n.name = ${name} and u.deleted_at is null`)
}

/**
 * Finds a user like `findUserByUsername`.
 * @throws NotFound if there is none.
 */
export async function getUser(db: Db, username: string): Promise<UserRow> {
  return (await findUserByUsername(db, username)) ?? throwUserNotFound()
}

export function throwUserNotFound(): never {
  throw new NotFound('User not found')
}

/**
 * Reads what the top of the user's own page shows. `viewerId` is null for anonymous visitors.
 * @throws NotFound if the account has been deleted.
 */
export async function getProfile(db: Db, viewerId: string | null, user: UserRow): Promise<ProfileView> {
  const profile = await db.maybeOneFirst(sql.row<{ profile: ProfileView }>()`
    select ${personView(viewerId)} || jsonb_build_object(
      'created_at', utc(u.created_at),
      'followers', coalesce(c.subscriber_count, 0),
      'following', coalesce(c.following_count, 0),
      'follows_me', exists (
        select
        from subscriptions s
        join users me on me.feed_id = s.feed_id
        where s.user_id = u.id and me.id = ${viewerId}::bigint and me.id <> u.id
      )
    ) as profile
    from users u
    left join feed_counts c on c.feed_id = u.feed_id
    where u.id = ${user.id} and u.deleted_at is null`)
  return profile ?? throwUserNotFound()
}

/** Builds the PersonView of the row `u` of users. */
export function personView(viewerId: string | null): FragmentSqlToken {
  return sql.fragment`(user_view(u) || jsonb_build_object(
    'bio', u.bio,
    'followed', exists (
      select
      from subscriptions s
      where s.user_id = ${viewerId}::bigint and s.feed_id = u.feed_id and s.user_id <> u.id
    )
  ))`
}

export function toUserView({ id, username, name, avatar }: UserView): UserView {
  return { id, username, name, avatar }
}

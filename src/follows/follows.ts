import type { FragmentSqlToken } from 'slonik'
import { formatCursor, type Cursor } from '../feeds/cursor.ts'
import { sql, type Db, type Write } from '../lib/db.ts'
import { Invalid } from '../lib/errors.ts'
import type { PersonView } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { personView, type UserRow } from '../users/users.ts'

const PAGE = 10

export interface PeoplePage {
  people: PersonView[]
  before: string | null
}

/** Following twice is once. Throws Invalid for oneself. */
export async function followUser(write: Write, me: Me, user: UserRow): Promise<PersonView> {
  if (user.id === me.id) throw new Invalid({ username: 'You cannot follow yourself' })
  return write(async (tx) => {
    await tx.query(sql.unsafe`
      insert into subscriptions (user_id, feed_id)
      values (${me.id}, ${user.feed_id})
      on conflict do nothing`)
    return getPerson(tx, me.id, user)
  })
}

/** Throws Invalid for oneself: everybody reads their own feed. */
export async function unfollowUser(write: Write, me: Me, user: UserRow): Promise<PersonView> {
  if (user.id === me.id) throw new Invalid({ username: 'You cannot unfollow yourself' })
  return write(async (tx) => {
    await tx.query(sql.unsafe`
      delete from subscriptions
      where user_id = ${me.id} and feed_id = ${user.feed_id}`)
    return getPerson(tx, me.id, user)
  })
}

/** Who follows the person, the newest first. */
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

/** Whom the person follows, the newest first. */
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

/** The newest people whom I do not follow yet. */
export async function listStrangers(db: Db, me: Me): Promise<PersonView[]> {
  const rows = await db.anyFirst(sql.row<{ person: PersonView }>()`
    select ${personView(me.id)} as person
    from users u
    where not exists (select from subscriptions s where s.user_id = ${me.id} and s.feed_id = u.feed_id)
    order by u.id desc
    limit 5`)
  return [...rows]
}

/** A page of people out of `places`, rows of (user_id, created_at), the newest first. */
export async function listPeople(
  db: Db,
  viewerId: string | null,
  places: FragmentSqlToken,
  before: Cursor,
): Promise<PeoplePage> {
  const rows = await db.any(sql.row<{ at: string; id: string; person: PersonView }>()`
    select utc(place.created_at) as at, u.id, ${personView(viewerId)} as person
    from (${places}) place
    join users u on u.id = place.user_id
    where (place.created_at, place.user_id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by place.created_at desc, place.user_id desc
    limit ${PAGE + 1}`)
  const shown = rows.slice(0, PAGE)
  const last = shown.at(-1)
  return {
    people: shown.map(({ person }) => person),
    before: rows.length > PAGE && last ? formatCursor(last) : null,
  }
}

async function getPerson(db: Db, viewerId: string, user: UserRow): Promise<PersonView> {
  return db.oneFirst(sql.row<{ person: PersonView }>()`
    select ${personView(viewerId)} as person
    from users u
    where u.id = ${user.id}`)
}

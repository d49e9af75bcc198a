import type { FragmentSqlToken } from 'slonik'
import { toPage, type Cursor } from '../db/pagination.ts'
import { sql, type Db } from '../db/pool.ts'
import type { AccountView } from '../shared/pages.ts'
import { throwUserNotFound } from '../users/users.ts'

const PAGE = 10

/** Lists accounts, newest first. */
export async function listAccounts(
  db: Db,
  before: Cursor,
): Promise<{ people: AccountView[]; before: string | null }> {
  const rows = await db.any(sql.row<{ id: string; at: string; person: AccountView }>()`
    select u.id, utc(u.created_at) as at, ${accountView} as person
    from users u
    where (u.created_at, u.id) < (${before.at}::timestamptz, ${before.id}::bigint) and u.deleted_at is null
    order by u.created_at desc, u.id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { people: page.rows.map(({ person }) => person), before: page.before }
}

/** @throws NotFound if the account has been deleted. */
export async function getAccount(db: Db, user: { id: string }): Promise<AccountView> {
  const person = await db.maybeOneFirst(sql.row<{ person: AccountView }>()`
    select ${accountView} as person from users u where u.id = ${user.id} and u.deleted_at is null`)
  return person ?? throwUserNotFound()
}

/** Builds an AccountView of the row `u` of users. */
const accountView: FragmentSqlToken = sql.fragment`(user_view(u) || jsonb_build_object(
  'bio', u.bio,
  'created_at', utc(u.created_at),
  'admin', u.admin,
  'suspended_at', utc(u.suspended_at),
  'reports', (select count(*) from reports r where r.author_id = u.id and r.closed_at is null)
))`

import { toPage, type Cursor } from '../db/pagination.ts'
import { sql, type Db } from '../db/pool.ts'
import type { AdminLogView } from '../shared/pages.ts'

const PAGE = 10

/** Lists what admins did, newest first. */
export async function listAdminLog(
  db: Db,
  before: Cursor,
): Promise<{ entries: AdminLogView[]; before: string | null }> {
  const rows = await db.any(sql.row<AdminLogView>()`
    select
      l.id,
      utc(l.at) as at,
      l.action,
      l.by_command,
      (select user_view(u) from users u where u.id = l.admin_id and u.deleted_at is null) as admin,
      (select user_view(u) from users u where u.id = l.user_id and u.deleted_at is null) as user,
      l.detail
    from admin_log l
    where (l.at, l.id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by l.at desc, l.id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { entries: page.rows, before: page.before }
}

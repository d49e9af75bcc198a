import type { FragmentSqlToken } from 'slonik'
import { toPage, type Cursor } from '../db/pagination.ts'
import { sql, type Db } from '../db/pool.ts'
import type { PersonView } from '../shared/pages.ts'
import { personView } from './users.ts'

const PAGE = 10

export interface PeoplePage {
  people: PersonView[]
  before: string | null
}

/** Lists the people of the rows (user_id, created_at) that the query `source` returns, newest first. */
export async function listPeople(
  db: Db,
  viewerId: string | null,
  source: FragmentSqlToken,
  before: Cursor,
): Promise<PeoplePage> {
  const rows = await db.any(sql.row<{ at: string; id: string; person: PersonView }>()`
    select utc(source.created_at) as at, u.id, ${personView(viewerId)} as person
    from (${source}) source
    join users u on u.id = source.user_id and u.deleted_at is null
    where (source.created_at, source.user_id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by source.created_at desc, source.user_id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { people: page.rows.map(({ person }) => person), before: page.before }
}

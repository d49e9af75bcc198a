import type { FragmentSqlToken } from 'slonik'
import { removeComment } from '../comments/comments.ts'
import { toPage, type Cursor } from '../db/pagination.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid, NotFound } from '../lib/errors.ts'
import { removePost } from '../posts/posts.ts'
import type { ReportView } from '../shared/pages.ts'
import { logEntries, mayAct, requireAdmin, type AdminAction } from './actor.ts'

const PAGE = 10

type Admin = { id: string }

/** Lists the open reports, or those that have a decision, newest first. */
export async function listReports(
  db: Db,
  { closed, before }: { closed: boolean; before: Cursor },
): Promise<{ reports: ReportView[]; before: string | null }> {
  const at = closed ? sql.fragment`r.closed_at` : sql.fragment`r.created_at`
  const state = closed ? sql.fragment`r.closed_at is not null` : sql.fragment`r.closed_at is null`
  const rows = await db.any(sql.row<{ id: string; at: string; report: ReportView }>()`
    select r.id, utc(${at}) as at, ${reportView} as report
    from reports r
    join users author on author.id = r.author_id and author.deleted_at is null
    where ${state} and (${at}, r.id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by ${at} desc, r.id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { reports: page.rows.map(({ report }) => report), before: page.before }
}

/** @throws NotFound if there is no such report, or the reported account has been deleted. */
export async function getReport(db: Db, id: string): Promise<ReportView> {
  const report = await db.maybeOneFirst(sql.row<{ report: ReportView }>()`
    select ${reportView} as report
    from reports r
    join users author on author.id = r.author_id and author.deleted_at is null
    where r.id = ${id}`)
  return report ?? throwReportNotFound()
}

/**
 * Closes all open reports of the same thing without any other action.
 * @throws Forbidden if `me` is not an admin.
 * @throws Invalid if the report is closed already.
 */
export async function dismissReport(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  id: string,
): Promise<void> {
  const { rowCount } = await write((tx) => tx.query(closeReports(me, id, 'dismissed', 'report dismissed')))
  if (rowCount === 0) await explain(db, me, id)
}

/**
 * Deletes the reported post or comment, and closes all its open reports. If it is deleted already, only closes them.
 * @throws Forbidden if `me` is not an admin.
 * @throws Invalid if the report is closed already, or is about an account.
 */
export async function removeReported(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  id: string,
): Promise<void> {
  const { kind, subject_id } = await getReport(db, id)
  if (kind === 'account') throw new Invalid({ report: 'An account can be suspended, not removed' })
  // Only while a member's report is open may an admin delete a post, and so also one of a private group.
  const condition = sql.fragment`${mayAct(me)} and exists (
    select
    from reports r
    where r.id = ${id} and r.kind = ${kind} and r.subject_id = ${subject_id} and r.closed_at is null
  )`
  const closed = await write(
    async (tx) => {
      await (kind === 'post' ? removePost : removeComment)(tx, subject_id, condition)
      const { rowCount } = await tx.query(
        closeReports(me, id, 'removed', kind === 'post' ? 'post removed' : 'comment removed'),
      )
      return rowCount
    },
    kind === 'post' ? `posts ${subject_id}` : undefined,
  )
  if (closed === 0) await explain(db, me, id)
}

/** Closes the open reports of what the report is about, with one entry in the log of admins. */
function closeReports(me: Admin, id: string, outcome: 'dismissed' | 'removed', action: AdminAction) {
  return sql.command`
    with closed as (
      update reports
      set closed_at = clock_timestamp(), closer_id = ${me.id}, outcome = ${outcome}
      where (kind, subject_id) = (select kind, subject_id from reports where id = ${id} and closed_at is null)
        and closed_at is null and ${mayAct(me)}
      returning id, kind, subject_id, author_id
    ),
    decided as (select kind, subject_id, author_id from closed limit 1)
    ${logEntries(me, sql.fragment`decided`, {
      action,
      user: sql.fragment`author_id`,
      detail: sql.fragment`jsonb_build_object('kind', kind, 'id', subject_id::text)`,
    })}`
}

/** Throws the reason why no open report was closed. */
async function explain(db: Db, me: Admin, id: string): Promise<never> {
  await requireAdmin(db, me)
  await getReport(db, id)
  throw new Invalid({ report: 'This report is closed already' })
}

/** Builds a ReportView of the row `r` of reports, with its author. */
const reportView: FragmentSqlToken = sql.fragment`jsonb_build_object(
  'id', r.id::text,
  'kind', r.kind,
  'subject_id', r.subject_id::text,
  'post_id', case r.kind
    when 'post' then (select p.id::text from posts p where p.id = r.subject_id)
    when 'comment' then (select c.post_id::text from comments c where c.id = r.subject_id)
  end,
  'author', user_view(author) || jsonb_build_object('suspended', author.suspended_at is not null),
  'reporter', (select user_view(u) from users u where u.id = r.reporter_id and u.deleted_at is null),
  'private', r.is_private,
  'body', r.body,
  'reason', r.reason,
  'created_at', utc(r.created_at),
  'closed_at', utc(r.closed_at),
  'closer', (select user_view(u) from users u where u.id = r.closer_id and u.deleted_at is null),
  'outcome', r.outcome,
  'others', (
    select count(*)
    from reports o
    where o.kind = r.kind and o.subject_id = r.subject_id and o.closed_at is null and o.id <> r.id
  )
)`

function throwReportNotFound(): never {
  throw new NotFound('Report not found')
}

import type { FragmentSqlToken } from 'slonik'
import { z } from 'zod'
import { throwCommentNotFound } from '../comments/comments.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden } from '../lib/errors.ts'
import { throwPostNotFound } from '../posts/posts.ts'
import type { ReportedView } from '../shared/pages.ts'
import { throwUserNotFound } from '../users/users.ts'
import { text } from '../web/body.ts'
import { DAY, type Rate, type Throttle } from '../web/limits/throttle.ts'

/** Per person. */
const REPORT_RATE: Rate = { key: 'reports', limit: 'reports', max: 30, seconds: DAY }

export const ReportInput = z.object({
  reason: text({
    max: 1000,
    empty: 'Please say what is wrong',
    long: 'A reason can have at most 1,000 characters',
  }),
})

/** What can be reported: a post or a comment by its id, or an account by the id of its user. */
export interface Subject {
  kind: 'post' | 'comment' | 'account'
  id: string
}

/**
 * Returns what `me` is about to report.
 * @throws NotFound if it does not exist, or `me` may not see it.
 * @throws Forbidden if it is by `me`.
 */
export async function getReported(db: Db, me: { id: string }, subject: Subject): Promise<ReportedView> {
  const found = await db.maybeOne(sql.row<ReportedView & { own: boolean }>()`
    select ${subject.kind} as kind, subject.id, subject.post_id, subject.body, user_view(u) as author,
      u.id = ${me.id} as own
    from (${visible(me, subject)}) subject
    join users u on u.id = subject.author_id and u.deleted_at is null`)
  if (!found) return NOT_FOUND[subject.kind]()
  const { own, ...reported } = found
  if (own) throw new Forbidden('You cannot report yourself.')
  return reported
}

/**
 * Reports a post, a comment or an account, and copies its text. If `me` has an open report of
 * it already, returns that one, with `created` false.
 * @throws NotFound or Forbidden like `getReported`.
 * @throws TooMany after too many reports.
 */
export async function createReport(
  { db, write, throttle }: { db: Db; write: Write; throttle: Throttle },
  me: { id: string },
  subject: Subject,
  { reason }: z.output<typeof ReportInput>,
): Promise<{ report: { id: string }; created: boolean }> {
  await getReported(db, me, subject)
  await throttle(REPORT_RATE, me.id)
  const { kind } = subject
  const created = await write((tx) =>
    tx.maybeOne(sql.row<{ id: string }>()`
      insert into reports (kind, subject_id, author_id, reporter_id, is_private, body, reason)
      select ${kind}, subject.id, subject.author_id, ${me.id}, subject.is_private, subject.body, ${reason}
      from (${visible(me, subject)}) subject
      where subject.author_id <> ${me.id}
      on conflict (kind, subject_id, reporter_id) where closed_at is null do nothing
      returning id`),
  )
  if (created) return { report: created, created: true }
  const earlier = await db.maybeOne(sql.row<{ id: string }>()`
    select id
    from reports
    where kind = ${kind} and subject_id = ${subject.id} and reporter_id = ${me.id} and closed_at is null`)
  return earlier ? { report: earlier, created: false } : NOT_FOUND[kind]()
}

const NOT_FOUND = { post: throwPostNotFound, comment: throwCommentNotFound, account: throwUserNotFound }

/** Selects the subject, if `me` may see it: id, post_id, author_id, body, is_private. */
function visible(me: { id: string }, { kind, id }: Subject): FragmentSqlToken {
  const isPrivate = sql.fragment`
    exists (select from groups g where g.id = p.group_id and g.visibility = 'private') as is_private`
  if (kind === 'post') {
    return sql.fragment`
      select p.id, p.id as post_id, p.author_id, p.body, ${isPrivate}
      from posts p
      where p.id = ${id} and may_see_post(${me.id}, p)`
  }
  if (kind === 'comment') {
    return sql.fragment`
      select c.id, c.post_id, c.author_id, c.body, ${isPrivate}
      from comments c
      join posts p on p.id = c.post_id
      where c.id = ${id} and may_see_post(${me.id}, p)`
  }
  return sql.fragment`
    select u.id, null::bigint as post_id, u.id as author_id, u.bio as body, false as is_private
    from users u
    where u.id = ${id} and u.deleted_at is null`
}

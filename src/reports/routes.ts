import Router from '@koa/router'
import type { Db, Write } from '../db/pool.ts'
import { getUser } from '../users/users.ts'
import { read } from '../web/body.ts'
import type { Throttle } from '../web/limits/throttle.ts'
import { getId } from '../web/paths.ts'
import { done, nextOr, page, requireMe } from '../web/responses.ts'
import type { ContextExtension, ContextState, RouteContext } from '../web/context.ts'
import type { ReportedView } from '../shared/pages.ts'
import { createReport, getReported, ReportInput, type Subject } from './reports.ts'

/** Reporting a post, a comment or an account. The pages of admins are in `admin/`. */
export function reportRoutes(deps: { db: Db; write: Write; throttle: Throttle }) {
  const { db } = deps
  const router = new Router<ContextState, ContextExtension>()

  for (const kind of ['post', 'comment'] as const) {
    const subjectOf = ({ params }: RouteContext): Subject => ({ kind, id: getId(params) })
    router.get(`/${kind}s/:id/report`, (ctx) => showForm(ctx, subjectOf(ctx)))
    router.post(`/${kind}s/:id/report`, (ctx) => report(ctx, subjectOf(ctx)))
  }
  router.get('/users/:username/report', async (ctx) => showForm(ctx, await accountOf(ctx)))
  router.post('/users/:username/report', async (ctx) => report(ctx, await accountOf(ctx)))

  async function accountOf(ctx: RouteContext): Promise<Subject> {
    requireMe(ctx)
    const { id } = await getUser(db, ctx.params.username!)
    return { kind: 'account', id }
  }

  async function showForm(ctx: RouteContext, subject: Subject): Promise<void> {
    const reported = await getReported(db, requireMe(ctx), subject)
    page(ctx, 'reports/new.njk', { reported, values: {}, errors: {} })
  }

  async function report(ctx: RouteContext, subject: Subject): Promise<void> {
    const me = requireMe(ctx)
    const reported = await getReported(db, me, subject)
    const input = await read(ctx, ReportInput, { template: 'reports/new.njk', context: { reported } })
    const { report: found, created } = await createReport(deps, me, subject, input)
    const flash = created ? 'Thank you. An admin will look at it.' : 'You have reported this already.'
    const to = nextOr(ctx, pageOf(reported))
    done(ctx, { to, flash, json: { report: found }, status: created ? 201 : 200 })
  }

  return router
}

function pageOf({ post_id, author }: ReportedView): string {
  return post_id === null ? `/users/${author.username}` : `/posts/${post_id}`
}

import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import { EmptyBody, read } from '../web/body.ts'
import { getId, queryText } from '../web/paths.ts'
import { done, page } from '../web/responses.ts'
import type { Context, ContextExtension, ContextState } from '../web/context.ts'
import { dismissReport, getReport, listReports, removeReported } from './reports.ts'
import { admin, type AdminDeps } from './routes.ts'

/** The pages on which admins decide reports. */
export function adminReportRoutes(deps: AdminDeps) {
  const { db } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/admin/reports', (ctx) => showReports(ctx, false))
  router.get('/admin/reports/closed', (ctx) => showReports(ctx, true))

  async function showReports(ctx: Context, closed: boolean): Promise<void> {
    await admin(ctx, db)
    const before = parseBefore(queryText(ctx.query, 'before'))
    page(ctx, 'admin/reports.njk', { ...(await listReports(db, { closed, before })), closed })
  }

  router.get('/admin/reports/:id', async (ctx) => {
    await admin(ctx, db)
    page(ctx, 'admin/report.njk', { report: await getReport(db, getId(ctx.params)) })
  })

  router.post('/admin/reports/:id/dismiss', async (ctx) => {
    const me = await admin(ctx, db)
    const id = getId(ctx.params)
    await read(ctx, EmptyBody)
    await dismissReport(deps, me, id)
    ctx.state.log.info({ event: 'report dismissed', report: id }, 'report dismissed')
    done(ctx, { to: '/admin/reports', flash: 'Report dismissed', json: { report: await getReport(db, id) } })
  })

  router.post('/admin/reports/:id/remove', async (ctx) => {
    const me = await admin(ctx, db)
    const id = getId(ctx.params)
    await read(ctx, EmptyBody)
    await removeReported(deps, me, id)
    const report = await getReport(db, id)
    ctx.state.log.info({ event: 'reported content removed', report: id }, 'reported content removed')
    const flash = report.kind === 'post' ? 'Post removed' : 'Comment removed'
    done(ctx, { to: '/admin/reports', flash, json: { report } })
  })

  return router
}

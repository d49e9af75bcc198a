import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import type { Db, Write } from '../db/pool.ts'
import type { Me } from '../shared/views.ts'
import { read } from '../web/body.ts'
import type { Throttle } from '../web/limits/throttle.ts'
import { queryText } from '../web/paths.ts'
import { done, page, requireMe, seeOther } from '../web/responses.ts'
import type { Context, ContextExtension, ContextState } from '../web/context.ts'
import { requireAdmin } from './actor.ts'
import { AdminTokenInput, redeemAdminToken } from './admins.ts'
import { listAdminLog } from './log.ts'

export interface AdminDeps {
  db: Db
  write: Write
  throttle: Throttle
}

/**
 * Returns the viewer, who is an admin. The statements of actions check it again.
 * @throws Unauthorized or Forbidden
 */
export async function admin(ctx: Context, db: Db): Promise<Me> {
  const me = requireMe(ctx)
  await requireAdmin(db, me)
  return me
}

/** Becoming an admin, and the log of admins. */
export function adminRoutes(deps: AdminDeps) {
  const { db } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/admin', async (ctx) => {
    await admin(ctx, db)
    seeOther(ctx, '/admin/reports')
  })

  router.get('/admin/token', (ctx) => {
    requireMe(ctx)
    page(ctx, 'admin/token.njk', { errors: {} })
  })

  router.post('/admin/token', async (ctx) => {
    const me = requireMe(ctx)
    const input = await read(ctx, AdminTokenInput, { template: 'admin/token.njk' })
    await redeemAdminToken(deps, me, input)
    ctx.state.log.warn({ event: 'admin made', user: me.id }, 'admin made')
    done(ctx, { to: '/admin', flash: 'You are an admin now', json: {} })
  })

  router.get('/admin/log', async (ctx) => {
    await admin(ctx, db)
    page(ctx, 'admin/log.njk', await listAdminLog(db, parseBefore(queryText(ctx.query, 'before'))))
  })

  return router
}

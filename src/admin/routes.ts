import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import type { Db, Write } from '../db/pool.ts'
import { read } from '../web/body.ts'
import type { Throttle } from '../web/limits/throttle.ts'
import { queryText } from '../web/paths.ts'
import { done, page, requireMe, seeOther } from '../web/responses.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { requireAdmin } from './actor.ts'
import { AdminTokenInput, redeemAdminToken } from './admins.ts'
import { listAdminLog } from './log.ts'

export interface AdminDeps {
  db: Db
  write: Write
  throttle: Throttle
}

/** The pages of admins. */
export function adminRoutes(deps: AdminDeps) {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/admin/token', (ctx) => {
    requireMe(ctx)
    page(ctx, 'admin/token.njk', { errors: {} })
  })

  router.post('/admin/token', async (ctx) => {
    const me = requireMe(ctx)
    const input = await read(ctx, AdminTokenInput, { template: 'admin/token.njk' })
    await redeemAdminToken(deps, me, input)
    ctx.state.log.warn({ event: 'admin made', user: me.id }, 'admin made')
    done(ctx, { to: '/', flash: 'You are an admin now', json: {} })
  })

  router.get('/admin', async (ctx) => {
    await requireAdmin(deps.db, requireMe(ctx))
    seeOther(ctx, '/admin/log')
  })

  router.get('/admin/log', async (ctx) => {
    await requireAdmin(deps.db, requireMe(ctx))
    page(ctx, 'admin/log.njk', await listAdminLog(deps.db, parseBefore(queryText(ctx.query, 'before'))))
  })

  return router
}

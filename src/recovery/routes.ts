import Router from '@koa/router'
import type { AccountDeps } from '../users/accounts.ts'
import { networkOf } from '../web/address.ts'
import { read } from '../web/body.ts'
import { HOUR, type Rate } from '../web/limits/throttle.ts'
import { queryText } from '../web/paths.ts'
import { done, page } from '../web/responses.ts'
import { setVisitorData } from '../web/visitor-session.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getResetUser, ResetInput, resetPassword } from './recovery.ts'

/** Attempts of one network. */
const RESET_RATE: Rate = { key: 'resets', limit: 'signins', max: 20, seconds: HOUR, scale: 2 }

/** The page of a link with which a person sets a new password. `npm run admin -- reset-link` creates the link. */
export function recoveryRoutes(deps: AccountDeps) {
  const { db, throttle } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/reset-password', async (ctx) => {
    const token = queryText(ctx.query, 'token') ?? ''
    const { username } = await getResetUser(db, token)
    page(ctx, 'recovery/reset.njk', { username, token, errors: {} })
  })

  router.post('/reset-password', async (ctx) => {
    const form = { template: 'recovery/reset.njk' as const, context: { username: '', token: '' } }
    const input = await read(ctx, ResetInput, form)
    await throttle(RESET_RATE, networkOf(ctx.ip))
    const user = await resetPassword(deps, input)
    ctx.state.log.info({ event: 'password reset', user: user.id }, 'password reset')
    if (!ctx.state.me) setVisitorData(ctx, { registered: user.username })
    done(ctx, { to: '/login', flash: 'Password changed. Please sign in.', json: {} })
  })

  return router
}

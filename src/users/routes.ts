import Router from '@koa/router'
import { networkOf } from '../web/address.ts'
import { EmptyBody, read } from '../web/body.ts'
import { csrfToken } from '../web/csrf.ts'
import { Invalid } from '../lib/errors.ts'
import { done, nextOr, page, requireMe, seeOther } from '../web/responses.ts'
import { queryText, safePath } from '../web/paths.ts'
import { getSignUpState } from '../sign-up/sign-up.ts'
import { getVisitorData, setVisitorData } from '../web/visitor-session.ts'
import type { Context, ContextExtension, ContextState } from '../web/context.ts'
import { RegisterInput, registerUser, type AccountDeps } from './accounts.ts'
import { authenticate, SignInInput } from './authentication.ts'
import { readDevices, setDeviceCookie } from './devices.ts'
import { signIn, signOut } from './sign-in.ts'
import { toUserView } from './users.ts'

/** Registration, sign-in and sign-out. */
export function userRoutes(deps: AccountDeps) {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/register', async (ctx) => {
    if (ctx.state.me) return seeOther(ctx, '/')
    const invitation = queryText(ctx.query, 'invitation') || null
    const state = await getSignUpState(deps.db, invitation)
    page(ctx, 'users/register.njk', { values: {}, errors: {}, next: nextOf(ctx), invitation, ...state })
  })

  router.post('/register', async (ctx) => {
    if (ctx.state.me) return alreadySignedIn(ctx)
    const context = { next: nextOf(ctx), invitation: null, refused: null }
    const form = { template: 'users/register.njk' as const, context }
    const input = await read(ctx, RegisterInput, form)
    const user = await registerUser(deps, input, networkOf(ctx.ip))
    ctx.state.log.info({ event: 'registered', user: user.id }, 'registered')
    setVisitorData(ctx, { registered: user.username })
    const to = signInPath(nextOr(ctx, nextOf(ctx)))
    done(ctx, { to, flash: 'You have been registered, please login', json: { user }, status: 201 })
  })

  router.get('/login', (ctx) => {
    if (ctx.state.me) return seeOther(ctx, '/')
    const { registered = '' } = getVisitorData(ctx)
    page(ctx, 'users/login.njk', {
      values: { username: registered },
      errors: {},
      next: nextOf(ctx),
      ended: ctx.state.isSessionEnded ?? false,
    })
  })

  router.post('/login', async (ctx) => {
    if (ctx.state.me) return alreadySignedIn(ctx)
    const form = { template: 'users/login.njk' as const, context: { next: nextOf(ctx) } }
    const input = await read(ctx, SignInInput, form)
    const network = networkOf(ctx.ip)
    try {
      const user = await authenticate(deps, input, { network, devices: readDevices(ctx) })
      const welcome = getVisitorData(ctx).registered === user.username
      await signIn(ctx, user)
      if (welcome) setVisitorData(ctx, { welcome })
      setDeviceCookie(ctx, user)
      done(ctx, { to: nextOr(ctx, nextOf(ctx)), json: { user: toUserView(user), csrf: csrfToken(ctx) } })
    } catch (error) {
      if (error instanceof Invalid)
        ctx.state.log.warn({ event: 'sign-in refused', network }, 'sign-in refused')
      throw error
    }
  })

  router.post('/welcome/skip', async (ctx) => {
    requireMe(ctx)
    await read(ctx, EmptyBody)
    setVisitorData(ctx, { welcome: false })
    done(ctx, { to: '/', json: {} })
  })

  router.post('/logout', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    signOut(ctx, me)
    done(ctx, { to: '/', json: {} })
  })

  return router
}

/** The path of `?next=`, to which the visitor returns after the form. */
function nextOf(ctx: Context): string {
  return safePath(ctx.query.next)
}

function signInPath(next: string): string {
  return next === '/' ? '/login' : `/login?next=${encodeURIComponent(next)}`
}

function alreadySignedIn(ctx: Context): void {
  done(ctx, { to: '/', json: { user: toUserView(ctx.state.me!), csrf: csrfToken(ctx) } })
}

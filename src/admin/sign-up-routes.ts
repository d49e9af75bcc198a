import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import { getSignUpState } from '../sign-up/sign-up.ts'
import { EmptyBody, read } from '../web/body.ts'
import { getId, queryText } from '../web/paths.ts'
import { done, page } from '../web/responses.ts'
import type { ContextExtension, ContextState, RouteContext } from '../web/context.ts'
import { listReservedNames, releaseName, ReservedNameInput, reserveName } from './names.ts'
import { admin, type AdminDeps } from './routes.ts'
import {
  createInvitation,
  InvitationInput,
  listInvitations,
  revokeInvitation,
  setSignUp,
  SignUpInput,
} from './sign-up.ts'

/** The pages on which admins decide who may register, and with which names. */
export function adminSignUpRoutes(deps: AdminDeps) {
  const { db } = deps
  const router = new Router<ContextState, ContextExtension>()

  /** The variables of the page, without `errors`. */
  async function signUpPage(ctx: RouteContext) {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const { sign_up } = await getSignUpState(db, null)
    return { sign_up, ...(await listInvitations(db, before)), values: {} }
  }

  router.get('/admin/sign-up', async (ctx) => {
    await admin(ctx, db)
    page(ctx, 'admin/sign-up.njk', { ...(await signUpPage(ctx)), errors: {} })
  })

  router.post('/admin/sign-up', async (ctx) => {
    const me = await admin(ctx, db)
    const form = { template: 'admin/sign-up.njk' as const, context: await signUpPage(ctx) }
    const { sign_up } = await read(ctx, SignUpInput, form)
    await setSignUp(deps, me, sign_up)
    ctx.state.log.info({ event: 'sign-up changed', sign_up }, 'sign-up changed')
    done(ctx, { to: '/admin/sign-up', flash: 'Saved', json: { sign_up } })
  })

  router.post('/admin/invitations', async (ctx) => {
    const me = await admin(ctx, db)
    const form = { template: 'admin/sign-up.njk' as const, context: await signUpPage(ctx) }
    const input = await read(ctx, InvitationInput, form)
    const { id, secret } = await createInvitation(deps, me, input)
    const link = `${ctx.state.site.origin ?? ctx.origin}/register?invitation=${secret}`
    const flash = `Copy this link now, it is not shown again: ${link}`
    done(ctx, { to: '/admin/sign-up', flash, json: { invitation: { id, link } }, status: 201 })
  })

  router.post('/admin/invitations/:id/revoke', async (ctx) => {
    const me = await admin(ctx, db)
    const id = getId(ctx.params)
    await read(ctx, EmptyBody)
    await revokeInvitation(deps, me, id)
    done(ctx, { to: '/admin/sign-up', flash: 'Invitation revoked', json: { invitation: { id } } })
  })

  router.get('/admin/names', async (ctx) => {
    await admin(ctx, db)
    page(ctx, 'admin/names.njk', { names: await listReservedNames(db), values: {}, errors: {} })
  })

  router.post('/admin/names', async (ctx) => {
    const me = await admin(ctx, db)
    const context = { names: await listReservedNames(db) }
    const { name } = await read(ctx, ReservedNameInput, { template: 'admin/names.njk', context })
    await reserveName(deps, me, name)
    done(ctx, { to: '/admin/names', flash: `${name} is reserved`, json: { name }, status: 201 })
  })

  router.post('/admin/names/:name/release', async (ctx) => {
    const me = await admin(ctx, db)
    const name = ctx.params.name!
    await read(ctx, EmptyBody)
    await releaseName(deps, me, name)
    done(ctx, { to: '/admin/names', flash: `${name} is free`, json: { name } })
  })

  return router
}

import Router from '@koa/router'
import { z } from 'zod'
import { parseBefore } from '../db/pagination.ts'
import { findUserByUsername, getUser } from '../users/users.ts'
import { EmptyBody, optional, read } from '../web/body.ts'
import { queryText } from '../web/paths.ts'
import { addFlash } from '../web/visitor-session.ts'
import { done, nextOr, page, seeOther, wantsJson } from '../web/responses.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { removeAdmin } from './admins.ts'
import { getAccount, listAccounts } from './people.ts'
import { admin, type AdminDeps } from './routes.ts'
import { suspendUser, unsuspendUser } from './suspension.ts'

const SuspendInput = z.object({ reason: optional(500) })

/** The pages on which admins find, suspend and unsuspend accounts. */
export function adminPeopleRoutes(deps: AdminDeps) {
  const { db } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/admin/people', async (ctx) => {
    await admin(ctx, db)
    const name = queryText(ctx.query, 'name')
    if (name) {
      const user = await findUserByUsername(db, name.trim())
      if (user || wantsJson(ctx)) return seeOther(ctx, `/admin/people/${user?.username ?? name.trim()}`)
      addFlash(ctx, 'User not found')
    }
    const before = parseBefore(queryText(ctx.query, 'before'))
    page(ctx, 'admin/people.njk', await listAccounts(db, before))
  })

  router.get('/admin/people/:username', async (ctx) => {
    await admin(ctx, db)
    const account = await getAccount(db, await getUser(db, ctx.params.username!))
    page(ctx, 'admin/person.njk', { account, values: {}, errors: {} })
  })

  router.post('/admin/people/:username/suspend', async (ctx) => {
    const me = await admin(ctx, db)
    const user = await getUser(db, ctx.params.username!)
    const context = { account: await getAccount(db, user) }
    const { reason } = await read(ctx, SuspendInput, { template: 'admin/person.njk', context })
    await suspendUser(deps, me, user, reason)
    ctx.state.log.warn({ event: 'account suspended', account: user.id }, 'account suspended')
    const to = nextOr(ctx, `/admin/people/${user.username}`)
    const flash = `${user.username} is suspended`
    done(ctx, { to, flash, json: { account: await getAccount(db, user) } })
  })

  router.post('/admin/people/:username/unsuspend', async (ctx) => {
    const me = await admin(ctx, db)
    const user = await getUser(db, ctx.params.username!)
    await read(ctx, EmptyBody)
    await unsuspendUser(deps, me, user)
    ctx.state.log.warn({ event: 'account unsuspended', account: user.id }, 'account unsuspended')
    const to = nextOr(ctx, `/admin/people/${user.username}`)
    const flash = `${user.username} can sign in again`
    done(ctx, { to, flash, json: { account: await getAccount(db, user) } })
  })

  router.post('/admin/resign', async (ctx) => {
    const me = await admin(ctx, db)
    await read(ctx, EmptyBody)
    await removeAdmin(deps.write, me, me)
    ctx.state.log.warn({ event: 'admin removed', user: me.id }, 'admin removed')
    done(ctx, { to: '/', flash: 'You are not an admin any more', json: {} })
  })

  return router
}

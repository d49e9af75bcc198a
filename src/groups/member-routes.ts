import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import { EmptyBody, read } from '../web/body.ts'
import type { Db, Write } from '../db/pool.ts'
import { done, nextOr, page, requireMe, viewerId } from '../web/responses.ts'
import { queryText } from '../web/paths.ts'
import { HOUR, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { RouteContext, ContextExtension, ContextState } from '../web/context.ts'
import { getUser, type UserRow } from '../users/users.ts'
import {
  findVisibleGroup,
  getMembership,
  getOwnedGroup,
  throwGroupNotFound,
  type GroupRow,
} from './groups.ts'
import * as members from './members.ts'

/** For an owner's actions: accepting and declining requests, removing members and making them owners. */
const MODERATION_RATE: Rate = { key: 'moderation', limit: 'moderation', max: 1_000, seconds: 3 * HOUR }

/** The lists of members and of requests to join, and the changes that owners make to them. */
export function memberRoutes({ db, write, throttle }: { db: Db; write: Write; throttle: Throttle }) {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/groups/:name/members', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const group = await findVisibleGroup(db, viewerId(ctx), ctx.params.name!)
    if (!group) throwGroupNotFound()
    const list = await members.listMembers(db, viewerId(ctx), group, before)
    page(ctx, 'groups/members.njk', { group: await getMembership(db, viewerId(ctx), group), ...list })
  })

  router.get('/groups/:name/requests', async (ctx) => {
    const me = requireMe(ctx)
    const before = parseBefore(queryText(ctx.query, 'before'))
    const group = await getOwnedGroup(db, me, ctx.params.name!)
    const list = await members.listRequests(db, me, group, before)
    page(ctx, 'groups/requests.njk', { group: await getMembership(db, me.id, group), ...list })
  })

  router.post('/groups/:name/requests/:username/accept', async (ctx) => {
    const { group, user } = await authorizeOwner(ctx)
    await members.acceptRequest(write, group, user)
    const to = nextOr(ctx, `/groups/${group.name}/requests`)
    done(ctx, { to, flash: `${user.username} is now a member`, json: {} })
  })

  router.post('/groups/:name/requests/:username/refuse', async (ctx) => {
    const { group, user } = await authorizeOwner(ctx)
    await members.declineRequest(write, group, user)
    const to = nextOr(ctx, `/groups/${group.name}/requests`)
    done(ctx, { to, flash: `Declined the request of ${user.username}`, json: {} })
  })

  router.post('/groups/:name/members/:username/remove', async (ctx) => {
    const { group, user } = await authorizeOwner(ctx)
    await members.removeMember(write, group, user)
    const to = nextOr(ctx, `/groups/${group.name}/members`)
    done(ctx, { to, flash: `Removed ${user.username} from the group`, json: {} })
  })

  router.post('/groups/:name/members/:username/owner', async (ctx) => {
    const { group, user } = await authorizeOwner(ctx)
    await members.addOwner(write, group, user)
    const to = nextOr(ctx, `/groups/${group.name}/members`)
    done(ctx, { to, flash: `${user.username} is now an owner`, json: {} })
  })

  /**
   * Reads an owner's request and returns its group and its user.
   * @throws NotFound if the group does not exist for `me`, or the user does not exist.
   * @throws Forbidden if `me` is not an owner.
   * @throws TooMany if `me` has made too many such requests lately.
   */
  async function authorizeOwner(ctx: RouteContext): Promise<{ group: GroupRow; user: UserRow }> {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const group = await getOwnedGroup(db, me, ctx.params.name!)
    await throttle(MODERATION_RATE, me.id)
    return { group, user: await getUser(db, ctx.params.username!) }
  }

  return router
}

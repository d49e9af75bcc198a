import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import { groupPage } from '../feeds/feeds.ts'
import type { FeedDeps } from '../feeds/page.ts'
import { EmptyBody, read } from '../web/body.ts'
import type { Write } from '../db/pool.ts'
import { backOr, done, page, requireMe, viewerId, wantsJson } from '../web/responses.ts'
import { queryText } from '../web/paths.ts'
import { DAY, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { RouteContext, ContextExtension, ContextState } from '../web/context.ts'
import * as groups from './groups.ts'
import { joinGroup, leaveGroup } from './members.ts'
import { addShownOwnership, listMyGroups } from './my-groups.ts'

const JOIN_RATE: Rate = { key: 'joins', limit: 'joins', max: 400, seconds: DAY }

/** Lists of groups, the page of a group, and creating, joining and leaving one. */
export function groupRoutes(deps: FeedDeps & { write: Write; throttle: Throttle }) {
  const { db, write, throttle } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/groups', async (ctx) => {
    const before = queryText(ctx.query, 'before')
    const cursor = parseBefore(before)
    if (queryText(ctx.query, 'mine') !== undefined) {
      return page(ctx, 'groups/mine.njk', await listMyGroups(db, requireMe(ctx), cursor))
    }
    const { me } = ctx.state
    const [listed, mine] = await Promise.all([
      groups.listPublicGroups(db, viewerId(ctx), cursor),
      me && !before ? listMyGroups(db, me, cursor) : { groups: [], before: null },
    ])
    page(ctx, 'groups/list.njk', { ...listed, mine: mine.groups, more_mine: mine.before !== null })
  })

  router.get('/groups/new', (ctx) => {
    requireMe(ctx)
    page(ctx, 'groups/new.njk', { values: {}, errors: {} })
  })

  router.post('/groups', async (ctx) => {
    const me = requireMe(ctx)
    const input = await read(ctx, groups.GroupInput, { template: 'groups/new.njk' })
    const group = await groups.createGroup(deps, me, input)
    done(ctx, { to: `/groups/${group.name}`, json: { group }, status: 201 })
  })

  router.get('/groups/:name', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const group = await groups.findVisibleGroup(db, viewerId(ctx), ctx.params.name!)
    if (!group) return showPrivateGroup(ctx)
    const feed = await groupPage(deps, viewerId(ctx), group, before)
    const view = await groups.getGroupPageView(db, viewerId(ctx), group)
    await addShownOwnership(db, ctx.state.me, feed.posts)
    page(ctx, 'groups/show.njk', { ...feed, group: view })
  })

  /** People get a page with a button to request membership; for programs a private group does not exist. */
  async function showPrivateGroup(ctx: RouteContext): Promise<void> {
    if (wantsJson(ctx)) groups.throwGroupNotFound()
    const group = await groups.getGroup(db, ctx.params.name!)
    page(ctx, 'groups/private.njk', { group: await groups.getMembership(db, viewerId(ctx), group) })
    ctx.status = 404
  }

  router.post('/groups/:name/join', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const row = await groups.getGroup(db, ctx.params.name!)
    await throttle(JOIN_RATE, me.id)
    const group = await joinGroup(write, me, row)
    const flash = group.member
      ? `You joined ${group.title}`
      : `You asked to join ${group.title}. An owner will answer.`
    done(ctx, { to: backOr(ctx, `/groups/${group.name}`), flash, json: { group } })
  })

  router.post('/groups/:name/leave', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const row = await groups.getGroup(db, ctx.params.name!)
    const { group, withdrawn } = await leaveGroup(write, me, row)
    const flash = withdrawn ? `You no longer ask to join ${group.title}` : `You left ${group.title}`
    done(ctx, { to: backOr(ctx, `/groups/${group.name}`), flash, json: { group } })
  })

  return router
}

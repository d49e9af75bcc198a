import Router from '@koa/router'
import { listFollowing, listSuggestions } from '../follows/follows.ts'
import { addShownOwnership, listMyGroupNames } from '../groups/my-groups.ts'
import { redirectRenamed, page, viewerId } from '../web/responses.ts'
import { queryText } from '../web/paths.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getProfile, getUser } from '../users/users.ts'
import { parseBefore } from '../db/pagination.ts'
import { homePage, publicPage, userPage } from '../feeds/feeds.ts'
import type { FeedDeps } from '../feeds/page.ts'

/** The home page, the public feed and the profiles: pages that show a feed. */
export function homeRoutes(deps: FeedDeps) {
  const { db } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/', async (ctx) => {
    const { me } = ctx.state
    const before = parseBefore(queryText(ctx.query, 'before'))
    if (!me) return page(ctx, 'feeds/public.njk', await publicPage(deps, null, before))
    const [feed, people, following, groups] = await Promise.all([
      homePage(deps, me, before),
      listSuggestions(db, me),
      listFollowing(db, me.id, me, parseBefore(undefined)),
      listMyGroupNames(db, me),
    ])
    await addShownOwnership(db, me, feed.posts)
    page(ctx, 'feeds/home.njk', { ...feed, people, following: following.people, ...groups })
  })

  router.get('/public', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const feed = await publicPage(deps, viewerId(ctx), before)
    await addShownOwnership(db, ctx.state.me, feed.posts)
    page(ctx, 'feeds/public.njk', feed)
  })

  router.get('/users/:username', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const user = await getUser(db, ctx.params.username!)
    if (redirectRenamed(ctx, user)) return
    const feed = await userPage(deps, viewerId(ctx), user, before)
    await addShownOwnership(db, ctx.state.me, feed.posts)
    page(ctx, 'users/profile.njk', { ...feed, user: await getProfile(db, viewerId(ctx), user) })
  })

  return router
}

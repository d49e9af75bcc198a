import Router from '@koa/router'
import { addShownOwnership } from '../groups/my-groups.ts'
import { redirectRenamed, page, viewerId } from '../web/responses.ts'
import { queryText } from '../web/paths.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getProfile, getUser } from '../users/users.ts'
import { parseBefore, type Cursor } from '../db/pagination.ts'
import { homePage, publicPage, userPage } from '../feeds/feeds.ts'
import type { FeedDeps } from '../feeds/page.ts'
import type { FeedPage, SideColumn } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { createSideColumns } from './side-column.ts'

/** The home page, the public feed and the profiles: pages that show a feed. */
export function homeRoutes(deps: FeedDeps) {
  const { db } = deps
  const sides = createSideColumns(deps)
  const router = new Router<ContextState, ContextExtension>()

  router.get('/', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const first = await readHome(ctx.state.me, before)
    // The page has waited for the events of its snapshot. One of them may have ended the session or renamed the viewer.
    const { feed, side } = (await ctx.state.updateMe?.()) ? await readHome(ctx.state.me, before) : first
    if (side) page(ctx, 'feeds/home.njk', { ...feed, ...side })
    else page(ctx, 'feeds/public.njk', feed)
  })

  async function readHome(
    me: Me | null,
    before: Cursor,
  ): Promise<{ feed: FeedPage; side: SideColumn | null }> {
    if (!me) return { feed: await publicPage(deps, null, before), side: null }
    const feed = await homePage(deps, me, before)
    await addShownOwnership(db, me, feed.posts)
    return { feed, side: await sides.get(me, feed.seq) }
  }

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

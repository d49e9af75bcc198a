import Router from '@koa/router'
import { addShownOwnership } from '../groups/my-groups.ts'
import { redirectRenamed, page, viewerId, wantsJson } from '../web/responses.ts'
import { queryText } from '../web/paths.ts'
import { getVisitorData } from '../web/visitor-session.ts'
import type { Context, ContextExtension, ContextState } from '../web/context.ts'
import { getProfile, getUser } from '../users/users.ts'
import { parseBefore, START, type Cursor } from '../db/pagination.ts'
import { publicPage, userPage } from '../feeds/feeds.ts'
import { createHomePages } from '../feeds/home-pages.ts'
import type { FeedDeps } from '../feeds/page.ts'
import type { FeedPage, SideColumn } from '../shared/pages.ts'
import type { PublicFeed } from './public-feed.ts'
import { createSideColumns } from './side-column.ts'

/** The home page, the public feed and the profiles: pages that show a feed. */
export function homeRoutes(deps: FeedDeps & { publicFeed: PublicFeed }) {
  const { db, publicFeed } = deps
  const homes = createHomePages(deps)
  const sides = createSideColumns(deps)
  const router = new Router<ContextState, ContextExtension>()

  router.get('/', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const first = await readHome(ctx, before)
    // The page has waited for the events of its snapshot. One of them may have ended the session or renamed the viewer.
    const { feed, side } = (await ctx.state.updateMe?.()) ? await readHome(ctx, before) : first
    if (!side) return page(ctx, 'feeds/public.njk', feed)
    const welcome = !wantsJson(ctx) && getVisitorData(ctx).welcome
    page(ctx, 'feeds/home.njk', { ...feed, ...side, ...(welcome ? { welcome } : {}) })
  })

  async function readHome(
    ctx: Context,
    before: Cursor,
  ): Promise<{ feed: FeedPage; side: SideColumn | null }> {
    const { me } = ctx.state
    if (!me) return { feed: await readPublic(ctx, before), side: null }
    const feed = await homes.get(me, before)
    await addShownOwnership(db, me, feed.posts)
    return { feed, side: await sides.get(me, feed.seq) }
  }

  router.get('/public', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const feed = await readPublic(ctx, before)
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

  /** A page that a reset asked for is at least as new as the stream's cursor. */
  function readPublic(ctx: Context, before: Cursor): Promise<FeedPage> {
    const cursor = ctx.get('last-event-id')
    if (ctx.state.me || before !== START) return publicPage(deps, viewerId(ctx), before)
    return publicFeed.get(/^\d{1,19}$/.test(cursor) ? cursor : undefined)
  }

  return router
}

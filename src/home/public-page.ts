import type { FeedPage } from '../shared/pages.ts'
import { wantsJson } from '../web/responses.ts'
import { getVisitorData } from '../web/visitor-session.ts'
import type { Context } from '../web/context.ts'
import type { PublicFeed } from './public-feed.ts'

/**
 * Middleware: responds with the first page of the public feed to anonymous visitors. It is the same HTML for all of
 * them, without a token or a cookie, so it is rendered once for each page that `feed` returns.
 */
export function sharedPublicPage(feed: PublicFeed, sessionCookie: string) {
  const rendered = new WeakMap<FeedPage, Map<string, Buffer>>()

  function find(page: FeedPage): Map<string, Buffer> {
    const found = rendered.get(page) ?? new Map<string, Buffer>()
    rendered.set(page, found)
    return found
  }

  return async (ctx: Context, next: () => Promise<unknown>): Promise<void> => {
    if (!isSameForAll(ctx, sessionCookie)) return void (await next())
    const page = await feed.get()
    const bodies = find(page)
    const body = bodies.get(ctx.path) ?? Buffer.from(render(ctx, page))
    bodies.set(ctx.path, body)
    ctx.type = 'html'
    ctx.body = body
  }
}

/** The layout has nothing of this visitor: others get the same text. */
function render({ path, state: { site } }: Context, page: FeedPage): string {
  return site.render('feeds/public.njk', { me: null, csrf: '', flash: [], path, ...page })
}

function isSameForAll(ctx: Context, sessionCookie: string): boolean {
  if (ctx.path !== '/' && ctx.path !== '/public') return false
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD'
  if (!isRead || ctx.search !== '' || wantsJson(ctx)) return false
  if (ctx.headers.cookie === undefined) return true
  return ctx.cookies.get(sessionCookie) === undefined && !getVisitorData(ctx).flash?.length
}

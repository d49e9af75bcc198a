import type { FeedPage } from '../shared/pages.ts'
import { acceptedEncoding, compress, type Encoding } from '../web/compression.ts'
import { wantsJson } from '../web/responses.ts'
import { getVisitorData } from '../web/visitor-session.ts'
import type { Context } from '../web/context.ts'
import type { PublicFeed } from './public-feed.ts'

export interface SharedPageDeps {
  feed: PublicFeed
  sessionCookie: string
  compression: boolean
}

/**
 * Middleware: responds with the first page of the public feed to anonymous visitors. It is the same HTML for all of
 * them who chose the same theme, without a token or a cookie, so it is rendered and compressed once for each page that
 * `feed` returns.
 */
export function sharedPublicPage({ feed, sessionCookie, compression }: SharedPageDeps) {
  const bodies = new WeakMap<FeedPage, Map<string, Buffer>>()

  function bodyOf(ctx: Context, page: FeedPage, encoding: Encoding | null): Buffer {
    const ofPage = bodies.get(page) ?? new Map<string, Buffer>()
    bodies.set(page, ofPage)
    const key = `${ctx.path} ${ctx.state.theme} ${encoding}`
    const text = () => render(ctx, page)
    const body = ofPage.get(key) ?? (encoding ? compress(text(), encoding) : Buffer.from(text()))
    ofPage.set(key, body)
    return body
  }

  return async (ctx: Context, next: () => Promise<unknown>): Promise<void> => {
    if (!isSameForAll(ctx, sessionCookie)) return void (await next())
    const page = await feed.get()
    const encoding = compression ? acceptedEncoding(ctx) : null
    ctx.type = 'html'
    ctx.vary('Cookie')
    ctx.body = bodyOf(ctx, page, encoding)
    if (compression) ctx.vary('Accept-Encoding')
    if (encoding) ctx.set('Content-Encoding', encoding)
  }
}

/** The layout has nothing of this visitor but the theme: all who chose this theme get the same text. */
function render({ path, state: { site, theme } }: Context, page: FeedPage): string {
  return site.render('feeds/public.njk', { me: null, theme, csrf: '', flash: [], path, here: path, ...page })
}

function isSameForAll(ctx: Context, sessionCookie: string): boolean {
  if (ctx.path !== '/' && ctx.path !== '/public') return false
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD'
  if (!isRead || ctx.search !== '' || wantsJson(ctx)) return false
  if (ctx.headers.cookie === undefined) return true
  return ctx.cookies.get(sessionCookie) === undefined && !getVisitorData(ctx).flash?.length
}

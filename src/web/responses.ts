import { csrfToken, isOwnOrigin, knownToken } from './csrf.ts'
import { Unauthorized } from '../lib/errors.ts'
import { addFlash, takeFlash } from './visitor-session.ts'
import { safePath } from './paths.ts'
import type { RouteContext, Context } from './context.ts'
import type { Layout, Pages } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'

/**
 * Returns the signed-in user.
 * @throws Unauthorized if the visitor is anonymous
 */
export function requireMe(ctx: Context): Me {
  if (!ctx.state.me) throw new Unauthorized()
  return ctx.state.me
}

/** Returns the id of the signed-in user; null for an anonymous visitor. Queries use it to check what is visible. */
export function viewerId(ctx: Context): string | null {
  return ctx.state.me?.id ?? null
}

/** Responds with a page, or with the same view as JSON. `csrf` in the JSON is the token for the next request. */
export function page<Name extends keyof Pages>(ctx: Context, template: Name, view: Pages[Name]): void {
  const csrf = csrfToken(ctx)
  if (wantsJson(ctx)) {
    const { errors: _errors, values: _values, ...shown } = view as Record<string, unknown>
    return json(ctx, 200, { ...shown, csrf })
  }
  // A page that a script fetches leaves the messages for the next page that the visitor sees.
  html(ctx, 200, template, view, ctx.get('X-As') === '' ? takeFlash(ctx) : [])
}

/** Responds to a successful change: redirects to `to` with the message `flash`, or responds with JSON. */
export function done(
  ctx: Context,
  { to, flash, json: body, status = 200 }: { to: string; flash?: string; json: object; status?: 200 | 201 },
): void {
  if (wantsJson(ctx)) return json(ctx, status, body)
  if (flash) addFlash(ctx, flash)
  seeOther(ctx, to)
}

/**
 * Like `done`, for a body that costs a query. `read` runs only if the response has a body: not for a form, which is
 * redirected, and not for a client with `Prefer: return=minimal` (RFC 7240), which gets 204.
 */
export async function doneReading(
  ctx: Context,
  { to, read }: { to: string; read: () => Promise<object> },
): Promise<void> {
  if (!wantsJson(ctx)) return seeOther(ctx, to)
  if (!/(^|[,;\s])return\s*=\s*"?minimal\b/i.test(ctx.get('prefer'))) return json(ctx, 200, await read())
  ctx.status = 204
  ctx.set({ 'Cache-Control': 'no-store', 'Preference-Applied': 'return=minimal' })
}

/** Returns the path that the form wants to be redirected to, else `fallback`. */
export function nextOr(ctx: Context, fallback: string): string {
  return ctx.state.next ?? fallback
}

/**
 * Returns the path that the form wants to be redirected to, else the page of the form (the Referer), else `fallback`.
 */
export function backOr(ctx: Context, fallback: string): string {
  const from = URL.parse(ctx.get('referer'))
  return ctx.state.next ?? (from && isOwnOrigin(ctx, from.origin) ? from.pathname + from.search : fallback)
}

/**
 * Redirects from a user's old name to the current one. Returns whether it did. The redirect is temporary, because
 * another user may take the old name.
 */
export function redirectRenamed(ctx: RouteContext, { username }: { username: string }): boolean {
  const requested = ctx.params.username ?? ''
  if (requested.toLowerCase() === username) return false
  const [, users, , ...rest] = ctx.path.split('/')
  seeOther(ctx, `/${[users, username, ...rest].join('/')}${ctx.search}`)
  return true
}

/** Redirects with 303 to a page of this site; an unsafe path becomes `/`. */
export function seeOther(ctx: Context, path: string): void {
  ctx.status = 303
  ctx.redirect(safePath(path))
}

/** Whether the response is JSON: the client prefers it, or the route has no HTML page. */
export function wantsJson(ctx: Context): boolean {
  return ctx.state.jsonOnly === true || ctx.accepts('html', 'json') === 'json'
}

export function json(ctx: Context, status: number, body: object): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'json'
  ctx.body = JSON.stringify(body)
}

export function html(
  ctx: Context,
  status: number,
  template: keyof Pages,
  view: object,
  flash: string[],
): void {
  ctx.status = status
  ctx.type = 'html'
  ctx.vary('Cookie')
  ctx.body = ctx.state.site.render(template, { ...layout(ctx, flash), ...view })
}

function layout(ctx: Context, flash: string[]): Omit<Layout, 'site'> {
  return {
    me: ctx.state.me,
    theme: ctx.state.theme,
    csrf: knownToken(ctx),
    flash,
    // Forms and the sign-in link return to this path. The response to a POST has no URL to return to.
    path: ctx.method === 'GET' ? safePath(ctx.path + ctx.search) : '/',
    here: ctx.path,
  }
}

import { csrfToken, isOwnOrigin } from './csrf.ts'
import { Unauthorized } from '../lib/errors.ts'
import { addFlash, getVisitorData, takeFlash } from './visitor-session.ts'
import { safePath } from './paths.ts'
import type { RouteContext, Context } from './context.ts'
import type { Layout, Pages } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'

/** Whoever is signed in. Throws Unauthorized where nobody is. */
export function requireMe(ctx: Context): Me {
  if (!ctx.state.me) throw new Unauthorized()
  return ctx.state.me
}

/** The id that decides what may be seen: null for someone signed out. */
export function viewerId(ctx: Context): string | null {
  return ctx.state.me?.id ?? null
}

/** A page for people; for programs the same view, with the token that their next request needs. */
export function page<Name extends keyof Pages>(ctx: Context, template: Name, view: Pages[Name]): void {
  const csrf = csrfToken(ctx)
  if (wantsJson(ctx)) {
    const { errors: _errors, values: _values, ...shown } = view as Record<string, unknown>
    return json(ctx, 200, { ...shown, csrf })
  }
  html(ctx, 200, template, view, takeFlash(ctx))
}

/** The answer to a change that was made: on to a page of this site, or JSON. */
export function done(
  ctx: Context,
  { to, flash, json: body, status = 200 }: { to: string; flash?: string; json: object; status?: 200 | 201 },
): void {
  if (wantsJson(ctx)) return json(ctx, status, body)
  if (flash) addFlash(ctx, flash)
  seeOther(ctx, to)
}

/** Where the form asked to be led, else `usual`. */
export function nextOr(ctx: Context, usual: string): string {
  return ctx.state.next ?? usual
}

/** Back to the page of this site that the form stood on, else `usual`. */
export function backOr(ctx: Context, usual: string): string {
  const from = URL.parse(ctx.get('referer'))
  return ctx.state.next ?? (from && isOwnOrigin(ctx, from.origin) ? from.pathname + from.search : usual)
}

/** Leads from a name that was given up to the one its owner has now. For a time only: someone else may take the old. */
export function redirectRenamed(ctx: RouteContext, { username }: { username: string }): boolean {
  const asked = ctx.params.username ?? ''
  if (asked.toLowerCase() === username) return false
  const [, users, , ...rest] = ctx.path.split('/')
  seeOther(ctx, `/${[users, username, ...rest].join('/')}${ctx.search}`)
  return true
}

/** On to another page of this site, and nowhere else. */
export function seeOther(ctx: Context, path: string): void {
  ctx.status = 303
  ctx.redirect(safePath(path))
}

/** HTML is what a browser gets, and whoever does not mind. */
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
  ctx.body = ctx.state.site.render(template, { ...layout(ctx, flash), ...view })
}

function layout(ctx: Context, flash: string[]): Omit<Layout, 'site'> {
  return {
    me: ctx.state.me,
    csrf: getVisitorData(ctx).csrf ?? '',
    flash,
    // What a POST answers has no address to come back to.
    path: ctx.method === 'GET' ? safePath(ctx.path + ctx.search) : '/',
  }
}

import type { VisitorData, Context } from './context.ts'

const MAX_FLASH = 5

/** The signed cookie that remembers someone signed out; `__Host-` keeps other hosts of the domain from setting it. */
export function guestCookieName(ctx: Context): string {
  return ctx.state.site.origin?.startsWith('https:') ? '__Host-koafeed-guest' : 'koafeed-guest'
}

/** What is remembered of this visitor: in the session of someone signed in, else in a cookie. */
export function getVisitorData(ctx: Context): VisitorData {
  if (ctx.state.me) return ctx.session ?? {}
  return (ctx.state.guest ??= readGuest(ctx))
}

/** Remembers more of this visitor. Has no effect once the answer's headers are out. */
export function setVisitorData(ctx: Context, more: VisitorData): void {
  if (ctx.state.me) {
    Object.assign(ctx.session ?? {}, more)
    return
  }
  ctx.state.guest = { ...getVisitorData(ctx), ...more }
  const value = Buffer.from(JSON.stringify(ctx.state.guest)).toString('base64url')
  ctx.cookies.set(guestCookieName(ctx), value, guestCookie)
}

/** Ends the memory of someone signed out, when they sign in. */
export function clearGuestData(ctx: Context): void {
  ctx.state.guest = {}
  ctx.cookies.set(guestCookieName(ctx), null, guestCookie)
}

/** A message for the next page that this visitor sees. */
export function addFlash(ctx: Context, message: string): void {
  setVisitorData(ctx, { flash: [...(getVisitorData(ctx).flash ?? []), message].slice(-MAX_FLASH) })
}

/** The messages that wait for this visitor; each is shown once. */
export function takeFlash(ctx: Context): string[] {
  const { flash = [] } = getVisitorData(ctx)
  if (flash.length > 0) setVisitorData(ctx, { flash: [] })
  return flash
}

const guestCookie = { signed: true, httpOnly: true, sameSite: 'lax', path: '/', overwrite: true } as const

function readGuest(ctx: Context): VisitorData {
  const cookie = ctx.cookies.get(guestCookieName(ctx), { signed: true })
  // Its signature is good, so this site wrote it.
  return cookie ? (JSON.parse(Buffer.from(cookie, 'base64url').toString()) as VisitorData) : {}
}

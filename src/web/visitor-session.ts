import type { VisitorData, Context } from './context.ts'

const MAX_FLASH = 5

/**
 * The name of the signed cookie with the data of an anonymous visitor. With the prefix `__Host-`, other hosts of the
 * domain cannot set it.
 */
export function guestCookieName(ctx: Context): string {
  return ctx.state.site.origin?.startsWith('https:') ? '__Host-koafeed-guest' : 'koafeed-guest'
}

/** Returns the visitor's data: from the session of a signed-in user, or from the cookie of an anonymous visitor. */
export function getVisitorData(ctx: Context): VisitorData {
  if (ctx.state.me) return ctx.session ?? {}
  return (ctx.state.guest ??= readGuest(ctx))
}

/** Changes the visitor's data. Call it before the headers of the response are sent. */
export function setVisitorData(ctx: Context, changes: VisitorData): void {
  if (ctx.state.me) {
    Object.assign(ctx.session ?? {}, changes)
    return
  }
  ctx.state.guest = { ...getVisitorData(ctx), ...changes }
  const value = Buffer.from(JSON.stringify(ctx.state.guest)).toString('base64url')
  ctx.cookies.set(guestCookieName(ctx), value, guestCookie)
}

/** Deletes the data of an anonymous visitor, when they sign in. */
export function clearGuestData(ctx: Context): void {
  ctx.state.guest = {}
  ctx.cookies.set(guestCookieName(ctx), null, guestCookie)
}

/** Adds a message that the visitor's next page shows. */
export function addFlash(ctx: Context, message: string): void {
  setVisitorData(ctx, { flash: [...(getVisitorData(ctx).flash ?? []), message].slice(-MAX_FLASH) })
}

/** Returns and deletes the messages for this visitor, so that each is shown once. */
export function takeFlash(ctx: Context): string[] {
  const { flash = [] } = getVisitorData(ctx)
  if (flash.length > 0) setVisitorData(ctx, { flash: [] })
  return flash
}

const guestCookie = { signed: true, httpOnly: true, sameSite: 'lax', path: '/', overwrite: true } as const

function readGuest(ctx: Context): VisitorData {
  const cookie = ctx.cookies.get(guestCookieName(ctx), { signed: true })
  // The signature is valid, so this site wrote the value.
  return cookie ? (JSON.parse(Buffer.from(cookie, 'base64url').toString()) as VisitorData) : {}
}

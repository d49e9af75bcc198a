import type { VisitorData, Context } from './context.ts'

const MAX_FLASH = 5

/**
 * The name of the signed cookie with the visitor's data. With the prefix `__Host-`, other hosts of the domain cannot
 * set it.
 */
export function guestCookieName(ctx: Context): string {
  return ctx.state.site.origin?.startsWith('https:') ? '__Host-koafeed-guest' : 'koafeed-guest'
}

/**
 * Returns the data in the cookie: messages, and the CSRF token of an anonymous visitor. Messages are not in the
 * session, so that the page of a signed-in user needs no query for them.
 */
export function getVisitorData(ctx: Context): VisitorData {
  return (ctx.state.visitor ??= readCookie(ctx))
}

/** Changes the visitor's data. Call it before the headers of the response are sent. */
export function setVisitorData(ctx: Context, changes: VisitorData): void {
  const data = { ...getVisitorData(ctx), ...changes }
  ctx.state.visitor = data
  const isEmpty = data.csrf === undefined && !data.flash?.length && !data.welcome
  const value = isEmpty ? null : Buffer.from(JSON.stringify(data)).toString('base64url')
  ctx.cookies.set(guestCookieName(ctx), value, cookieOptions)
}

/** Deletes the visitor's data when somebody signs in or out, because the next page may belong to another person. */
export function clearVisitorData(ctx: Context): void {
  ctx.state.visitor = {}
  setVisitorData(ctx, {})
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

const cookieOptions = { signed: true, httpOnly: true, sameSite: 'lax', path: '/', overwrite: true } as const

function readCookie(ctx: Context): VisitorData {
  const cookie = ctx.cookies.get(guestCookieName(ctx), { signed: true })
  // The signature is valid, so this site wrote the value.
  return cookie ? (JSON.parse(Buffer.from(cookie, 'base64url').toString()) as VisitorData) : {}
}

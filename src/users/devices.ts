import { randomBytes } from 'node:crypto'
import type { Context } from '../web/context.ts'

/**
 * Device cookies, as OWASP's "Slow Down Online Guessing Attacks with Device Cookies" describes them: a browser that has
 * signed in to an account keeps a signed cookie, and its later attempts have a limit of their own. So guesses from other
 * browsers cannot lock the owner out.
 */
export interface Device {
  user: string
  /** A new password makes the device unknown again. */
  version: number
  /** What its attempts are counted by; each sign-in makes a new one. */
  nonce: string
}

/** Accounts that one browser remembers, for people who share it. */
const MAX_ACCOUNTS = 4
/** Browsers keep no cookie for longer than 400 days. */
const MAX_AGE_MS = 365 * 24 * 60 * 60 * 1000

/** The devices of the browser's cookie, newest first; none if its signature is missing or wrong. */
export function readDevices(ctx: Context): Device[] {
  const cookie = ctx.cookies.get(cookieName(ctx), { signed: true })
  return cookie ? (JSON.parse(Buffer.from(cookie, 'base64url').toString()) as Device[]) : []
}

export function findDevice(
  devices: Device[],
  user: { id: string; password_version: number },
): Device | undefined {
  return devices.find((device) => device.user === user.id && device.version === user.password_version)
}

/** Makes this browser known for the account whose password it has just proved to know. */
export function setDeviceCookie(ctx: Context, user: { id: string; password_version: number }): void {
  const device = {
    user: user.id,
    version: user.password_version,
    nonce: randomBytes(16).toString('base64url'),
  }
  const others = readDevices(ctx).filter((other) => other.user !== user.id)
  const devices = [device, ...others].slice(0, MAX_ACCOUNTS)
  ctx.cookies.set(cookieName(ctx), Buffer.from(JSON.stringify(devices)).toString('base64url'), {
    signed: true,
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    maxAge: MAX_AGE_MS,
    overwrite: true,
  })
}

/** `__Host-` keeps other hosts of the domain from setting it; it needs TLS. */
function cookieName(ctx: Context): string {
  return ctx.state.site.origin?.startsWith('https:') ? '__Host-koafeed-device' : 'koafeed-device'
}

import { randomBytes } from 'node:crypto'
import type { Context } from '../web/context.ts'

/**
 * An entry of the device cookie (OWASP: "Slow Down Online Guessing Attacks with Device Cookies"). A browser that has
 * signed in to an account keeps a signed cookie, and its later attempts have their own limit. Guesses from other
 * browsers therefore cannot lock out the owner.
 */
export interface Device {
  user: string
  /** The `password_version` of the user: after a password change the device is unknown. */
  version: number
  /** The key by which attempts are counted; each sign-in makes a new one. */
  nonce: string
}

/** Accounts per cookie, for people who share a browser. */
const MAX_ACCOUNTS = 4
/** One year. Browsers limit the age of cookies to 400 days. */
const MAX_AGE_MS = 365 * 24 * 60 * 60 * 1000

/** Reads the device cookie, newest entry first. Returns an empty list if the signature is missing or wrong. */
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

/** Adds the account to the device cookie. Call it only after the client has sent the correct password. */
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

/** The prefix `__Host-` prevents other hosts of the domain from setting the cookie. It requires TLS. */
function cookieName(ctx: Context): string {
  return ctx.state.site.origin?.startsWith('https:') ? '__Host-koafeed-device' : 'koafeed-device'
}

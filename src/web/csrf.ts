import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Next } from 'koa'
import { Forbidden } from '../lib/errors.ts'
import { getVisitorData, setVisitorData } from './visitor-session.ts'
import type { Context } from './context.ts'

const INVALID = 'Invalid POST contents'

/** Returns the token for this visitor's forms, masked. Creates it if an anonymous visitor has none. */
export function csrfToken(ctx: Context): string {
  return mask(ownToken(ctx))
}

/** The token as `csrfToken` returns it; empty if an anonymous visitor has none. */
export function knownToken(ctx: Context): string {
  const token = findToken(ctx)
  return token === undefined ? '' : mask(token)
}

function ownToken(ctx: Context): string {
  const csrf = findToken(ctx)
  if (csrf) return csrf
  // 192 random bits, which another site cannot guess.
  const token = randomBytes(24).toString('base64url')
  setVisitorData(ctx, { csrf: token })
  return token
}

/** The token of the session, or of the cookie of an anonymous visitor. */
function findToken(ctx: Context): string | undefined {
  return ctx.state.me ? ctx.state.csrf : getVisitorData(ctx).csrf
}

/**
 * Returns another text for the same token each time: random bytes, then the bytes of the token XOR these. So the length
 * of a compressed page does not reveal the token (BREACH).
 */
function mask(token: string): string {
  const bytes = Buffer.from(token, 'base64url')
  const random = randomBytes(bytes.length)
  return Buffer.concat([random, xor(random, bytes)]).toString('base64url')
}

/** Returns the token in a masked text; null for any other text. */
function unmask(text: string): string | null {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length % 2 === 1 || bytes.toString('base64url') !== text) return null
  const half = bytes.length / 2
  return xor(bytes.subarray(0, half), bytes.subarray(half)).toString('base64url')
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}

/**
 * Compares the header `X-CSRF-Token`, or else the hidden field `csrf_token`, with the visitor's token. It may be masked,
 * or plain, as pages of the previous release have it. See the OWASP cheat sheet "Cross-Site Request Forgery Prevention".
 * @throws Forbidden if they differ. An anonymous visitor gets the form again, with a valid token.
 */
export function checkToken(ctx: Context, field: unknown): void {
  const submitted = ctx.get('x-csrf-token') || field
  const csrf = ownToken(ctx)
  if (typeof submitted === 'string' && (isEqual(unmask(submitted) ?? '', csrf) || isEqual(submitted, csrf)))
    return
  // If an anonymous visitor opens two forms at the same time, each gets a token, but the cookie keeps only the last
  // one.
  throw new Forbidden(INVALID, ctx.state.me ? {} : { csrf_token: `${INVALID}. Please send it once more` })
}

/** Middleware: rejects requests that a browser sends for another site, before their body is read. */
export async function sameOrigin(ctx: Context, next: Next): Promise<void> {
  const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(ctx.method)
  if (!isSafe && (ctx.get('sec-fetch-site') === 'cross-site' || !isOwnOrigin(ctx, ctx.get('origin')))) {
    throw new Forbidden(INVALID)
  }
  await next()
}

/**
 * Whether `origin` is the origin of this site: PUBLIC_ORIGIN, or else the scheme and Host of the request. A trusted
 * proxy may set the scheme. A request without an origin passes; docs/decisions/0004 explains why.
 */
export function isOwnOrigin(ctx: Context, origin: string): boolean {
  if (origin === '') return true
  const scheme = ctx.secure ? 'https' : 'http'
  const own = ctx.state.site.origin ?? URL.parse(`${scheme}://${ctx.get('host')}`)?.origin
  return origin === own
}

/** Compares in constant time. Hashes make the lengths equal. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

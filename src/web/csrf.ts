import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Next } from 'koa'
import { Forbidden } from '../lib/errors.ts'
import { getVisitorData, setVisitorData } from './visitor-session.ts'
import type { Context } from './context.ts'

const REFUSED = 'Invalid POST contents'

/** A token that another site cannot guess: 192 random bits. */
export function newToken(): string {
  return randomBytes(24).toString('base64url')
}

/** The token that this visitor's forms carry, made when there is none. */
export function csrfToken(ctx: Context): string {
  const { csrf } = getVisitorData(ctx)
  if (csrf) return csrf
  const token = newToken()
  setVisitorData(ctx, { csrf: token })
  return token
}

/**
 * Checks the hidden field `csrf_token`, or the header `X-CSRF-Token`, against the visitor's own token.
 * Throws Forbidden; for who is signed out, the form is shown again with a token that is good. See the OWASP cheat
 * sheet "Cross-Site Request Forgery Prevention".
 */
export function checkToken(ctx: Context, field: unknown): void {
  const given = ctx.get('x-csrf-token') || field
  const csrf = csrfToken(ctx)
  if (typeof given === 'string' && same(given, csrf)) return
  // Signed out, two tabs that open a form at once are given two tokens, of which the cookie keeps the later one.
  throw new Forbidden(REFUSED, ctx.state.me ? {} : { csrf_token: `${REFUSED}. Please send it once more` })
}

/** Refuses, before anything is read, what a browser sends on behalf of another site. */
export async function sameOrigin(ctx: Context, next: Next): Promise<void> {
  const reads = ['GET', 'HEAD', 'OPTIONS'].includes(ctx.method)
  if (!reads && (ctx.get('sec-fetch-site') === 'cross-site' || !isOwnOrigin(ctx, ctx.get('origin')))) {
    throw new Forbidden(REFUSED)
  }
  await next()
}

/**
 * Whether the origin is this site's: PUBLIC_ORIGIN, or else the scheme of the connection, which a trusted proxy may
 * override, with the Host header. True if the request has no origin: docs/decisions/ says why.
 */
export function isOwnOrigin(ctx: Context, origin: string): boolean {
  if (origin === '') return true
  const scheme = ctx.secure ? 'https' : 'http'
  const ours = ctx.state.site.origin ?? URL.parse(`${scheme}://${ctx.get('host')}`)?.origin
  return origin === ours
}

/** In constant time; hashing first makes the lengths equal. */
function same(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

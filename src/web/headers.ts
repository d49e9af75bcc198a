import type { Next } from 'koa'
import type { Context } from './context.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  // Every page contains the visitor's CSRF token and username.
  'Cache-Control': 'private, no-cache',
}

/** Sets the headers of all responses, including errors. See the OWASP cheat sheet "HTTP Security Response Headers". */
export async function securityHeaders(ctx: Context, next: Next): Promise<void> {
  const secure = ctx.state.site.origin?.startsWith('https:') ?? false
  ctx.set({ ...HEADERS, 'X-Request-Id': ctx.state.requestId })
  if (/^\/(settings|admin|reset-password)(\/|$)/.test(ctx.path)) ctx.set('Cache-Control', 'no-store')
  ctx.vary('Accept')
  if (secure) {
    ctx.set('Strict-Transport-Security', 'max-age=31536000')
    // A proxy terminates TLS. Without this, `cookies` refuses to set secure cookies on the plain connection.
    ctx.cookies.secure = true
  }
  await next()
}

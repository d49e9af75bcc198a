import { expect } from 'chai'

const ALWAYS: Record<string, RegExp> = {
  'content-security-policy': /^default-src 'none'; /,
  'x-content-type-options': /^nosniff$/,
  'referrer-policy': /^same-origin$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'permissions-policy': /geolocation=\(\)/,
  'cache-control': /./,
  'x-request-id': /^[\w-]{16}$/,
}

/** Expects the security headers that every response has, whatever its status. */
export function expectSecurityHeaders(headers: Headers, what: string): void {
  for (const [name, value] of Object.entries(ALWAYS)) {
    expect(headers.get(name), `${name} of ${what}`).to.match(value)
  }
  expect(headers.has('access-control-allow-origin'), what).to.equal(false)
  expect(headers.has('x-powered-by'), what).to.equal(false)
}

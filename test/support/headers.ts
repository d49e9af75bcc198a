import { expect } from 'chai'

const EVERYWHERE: Record<string, RegExp> = {
  'content-security-policy': /^default-src 'none'; /,
  'x-content-type-options': /^nosniff$/,
  'referrer-policy': /^same-origin$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'permissions-policy': /geolocation=\(\)/,
  'cache-control': /./,
  'x-request-id': /^[\w-]{16}$/,
}

/** What every answer carries, whatever its status. */
export function expectCarefulHeaders(headers: Headers, what: string): void {
  for (const [name, value] of Object.entries(EVERYWHERE)) {
    expect(headers.get(name), `${name} of ${what}`).to.match(value)
  }
  expect(headers.has('access-control-allow-origin'), what).to.equal(false)
  expect(headers.has('x-powered-by'), what).to.equal(false)
}

import { expect } from 'chai'
import fc from 'fast-check'
import { createRouters } from '../../src/app.ts'
import { useSite } from '../support/site.ts'
import { expectSecurityHeaders } from '../support/headers.ts'

/** Runs of each property: `FUZZ_RUNS=5000` for a long one. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 40)

describe('random requests', () => {
  const {
    instances,
    people: { ann },
    guest,
  } = useSite({ people: ['ann'] })
  before(async () => {
    await ann.csrf()
    const { post } = (await ann.post('/posts', { body: 'here' })).json
    await ann.post(`/posts/${post.id}/comments`, { body: 'there' })
  })

  const routes = createRouters({
    db: null as never,
    write: null as never,
    caches: null as never,
    publicFeed: null as never,
  })
    .flatMap(({ stack }) => stack)
    .flatMap(({ methods, path }) => methods.map((method) => ({ method, path: String(path) })))
    .filter(({ method, path }) => method !== 'HEAD' && path !== '/logout' && path !== '/settings/account')
  const streams = [
    '/stream',
    '/public/stream',
    '/users/:username/stream',
    '/groups/:name/stream',
    '/posts/:id/stream',
    '/images/:hash/:variant',
  ]
  const addresses = [...routes, ...streams.map((path) => ({ method: 'GET', path }))]

  const nasty = fc.constantFrom(
    ...' 0 1 2 ann -1 9223372036854775807 9223372036854775808 1e3 0x10 1_0 null __proto__ constructor toString'.split(
      ' ',
    ),
    ...`%00 %ZZ % %2e%2e%2f %E0%A4%A %F0%9F%98%80 ' " \\ <script> {{7*7}} ../../etc/passwd 1;drop`.split(' '),
    ...' |\0|\ud800|\u202e|ann\r\nX-Evil: 1|2026-02-31T00:00:00.000000Z_1|😀'.split('|'),
    '2026-01-01T00:00:00.000000Z_99999999999999999999',
    'x'.repeat(3000),
  )
  const text = fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 20 }))
  const segment = text.map((value) =>
    /^[\w%.-]*$/.test(value) ? value || '1' : encodeURIComponent(value.toWellFormed()),
  )
  const value = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }), fc.array(text, { maxLength: 3 }))
  const fields = fc.constantFrom(
    ...'body username password old_password name bio title description visibility group client_key next'.split(
      ' ',
    ),
    ...'csrf_token remove_avatar avatar __proto__ constructor body[a] body[]'.split(' '),
  )
  const record = fc.array(fc.tuple(fields, value), { maxLength: 6 }).map((pairs) => {
    const body: Record<string, unknown> = Object.create(null)
    for (const [name, given] of pairs) body[name] = given
    return body
  })
  const query = fc.array(
    fc.tuple(fc.constantFrom('before', 'next', 'limit', 'after', 'with', 'as', 'v', 'x[]'), segment),
    {
      maxLength: 3,
    },
  )
  const headers = fc.record(
    {
      accept: fc.constantFrom('application/json', 'text/html', '*/*', 'x', 'application/json;q=x', ''),
      'last-event-id': fc.constantFrom('0', '-1', 'x', '99999999999999999999', '1'),
      'if-none-match': fc.constantFrom('*', '"x"', ''),
      range: fc.constantFrom('bytes=0-', 'bytes=-1', 'x'),
      'x-forwarded-for': fc.constantFrom('x', '::1', '1.1.1.1, 2.2.2.2'),
      referer: fc.constantFrom('x', 'javascript:1', 'http://evil.test/', '//'),
      'content-encoding': fc.constantFrom('gzip', 'br', 'x', 'identity'),
      'sec-fetch-site': fc.constantFrom('same-origin', 'cross-site', 'x'),
      cookie: fc.constantFrom('koafeed=x', 'koafeed-guest=e30; koafeed-guest.sig=x', '=', ';;', '%'),
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    record.map((given) => ({ type: 'application/json', text: JSON.stringify(given) })),
    record.map((given) => ({ type: 'application/x-www-form-urlencoded', text: toForm(given) })),
    record.map((given) => ({ type: 'multipart/form-data; boundary=xx', text: toMultipart(given) })),
    fc.record({
      type: fc.constantFrom(
        'application/json',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=xx',
        'multipart/form-data',
        'text/plain',
        'application/json; charset=utf-16',
        'image/png',
        'x',
        '',
      ),
      text: fc.oneof(
        text,
        fc.constantFrom('{', '[]', '"x"', '--xx', '--xx\r\n\r\n\r\n--xx--', 'a'.repeat(70_000)),
      ),
    }),
  )

  async function expectNoServerError(method: string, path: string, init: RequestInit): Promise<void> {
    const stop = new AbortController()
    const response = await fetch(guest.origin + path, {
      method,
      redirect: 'manual',
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]),
      ...init,
    })
    const what = `${method} ${path.slice(0, 200)} with ${JSON.stringify(init)?.slice(0, 500)}`
    stop.abort()
    await response.body?.cancel().catch(() => {})
    expect(response.status, what).to.be.lessThan(500)
    expectSecurityHeaders(response.headers, what)
  }

  function fill(path: string, segments: string[]): string {
    let n = 0
    return path.replace(/:\w+/g, () => segments[n++ % segments.length] ?? '1')
  }

  for (const { method, path } of addresses) {
    it(`cause no server error: ${method} ${path}`, async function () {
      this.timeout(60_000)
      await fc.assert(
        fc.asyncProperty(
          fc.array(segment, { minLength: 2, maxLength: 2 }),
          query,
          headers,
          body,
          fc.boolean(),
          async (segments, params, given, sent, signedIn) => {
            const search = params.length > 0 ? `?${params.map(([name, v]) => `${name}=${v}`).join('&')}` : ''
            const own = signedIn ? { cookie: ann.cookie(), 'x-csrf-token': await ann.csrf() } : {}
            const init: RequestInit = { headers: { ...given, ...own } }
            if (method === 'POST') {
              init.body = sent.text.toWellFormed()
              init.headers = { ...init.headers, 'content-type': sent.type }
            }
            await expectNoServerError(method, fill(path, segments) + search, init)
          },
        ),
        { numRuns: RUNS },
      )
    })
  }

  it('cause no server error: random paths', async function () {
    this.timeout(60_000)
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 5 }), headers, async (segments, given) => {
        await expectNoServerError('GET', `/${segments.join('/')}`, { headers: given })
      }),
      { numRuns: RUNS * 5 },
    )
  })

  it('leave the instance working, without a failure in its log', async () => {
    expect((await ann.get('/public')).status).to.equal(200)
    expect(instances[0]!.logs()).not.to.contain('"event":"failure"')
  })
})

function toForm(given: Record<string, unknown>): string {
  return Object.entries(given)
    .map(([name, v]) => `${name}=${encodeURIComponent(asText(v).toWellFormed())}`)
    .join('&')
}

function toMultipart(given: Record<string, unknown>): string {
  const parts = Object.entries(given).map(([name, v], i) => {
    const file = i % 3 === 2 ? '; filename="a.png"\r\nContent-Type: image/png' : ''
    const encoding =
      i % 4 === 3 ? `\r\nContent-Transfer-Encoding: ${i % 8 === 7 ? 'base64' : 'x-unknown'}` : ''
    return `--xx\r\nContent-Disposition: form-data; name="${name}"${file}${encoding}\r\n\r\n${asText(v)}\r\n`
  })
  return `${parts.join('')}--xx--\r\n`
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

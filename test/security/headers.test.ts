import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { expectSecurityHeaders } from '../support/headers.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'
import { avatarForm, picture } from '../support/pictures.ts'
import { openStream } from '../support/streams/sse.ts'

describe('the security headers', () => {
  const database = useDatabase()
  let instance: Instance
  let ann: Client
  let avatar: string
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url, env: { LIMITS: 'posts=2,streams=1' } })
    ann = await client(instance.origin).register('ann')
    avatar = (await ann.post('/settings/profile', avatarForm(await picture()))).json.user.avatar
  })

  async function ask(path: string, init: RequestInit & { signedIn?: boolean } = {}): Promise<Response> {
    const { signedIn, ...rest } = init
    const headers = new Headers(rest.headers)
    if (signedIn) {
      headers.set('cookie', ann.cookie())
      headers.set('x-csrf-token', await ann.csrf())
    }
    return fetch(instance.origin + path, { redirect: 'manual', ...rest, headers })
  }
  const json = { 'content-type': 'application/json' }
  const post = (body: string, headers: Record<string, string> = json) =>
    ({ method: 'POST', body, headers, signedIn: true }) as const

  const answers: [number, string, () => Promise<Response>][] = [
    [200, 'a page', () => ask('/')],
    [200, 'a page for a signed-in user', () => ask('/', { signedIn: true })],
    [200, 'a file', () => ask('/build/app.css')],
    [200, 'a picture', () => ask(`/images/${avatar}/50`)],
    [200, 'HEAD', () => ask('/', { method: 'HEAD' })],
    [
      201,
      'a created post',
      () => ask('/posts', post('{"body":"x"}', { ...json, accept: 'application/json' })),
    ],
    [303, 'a redirect', () => ask('/settings/profile')],
    [
      304,
      'a revalidated picture',
      () =>
        ask(`/images/${avatar}/50`, {
          headers: { 'if-none-match': `"${avatar}-50"`, 'cache-control': 'max-age=0' },
        }),
    ],
    [400, 'bad JSON', () => ask('/posts', post('{'))],
    [400, 'an invalid page cursor', () => ask('/?before=x')],
    [
      401,
      'an anonymous program',
      () => ask('/settings/profile', { headers: { accept: 'application/json' } }),
    ],
    [403, 'a forged POST', () => ask('/login', { method: 'POST', body: '{}', headers: json })],
    [404, 'a missing page', () => ask('/nothing')],
    [404, 'a missing file', () => ask('/build/nothing.js')],
    [404, 'a missing picture', () => ask('/images/x/50')],
    [405, 'another method', () => ask('/', { method: 'DELETE' })],
    [
      413,
      'a body that is too large',
      () => ask('/posts', post(JSON.stringify({ body: 'x'.repeat(70_000) }))),
    ],
    [415, 'an unsupported media type', () => ask('/posts', post('x', { 'content-type': 'text/plain' }))],
    [422, 'an invalid value', () => ask('/posts', post('{"body":""}'))],
  ]
  for (const [status, description, answer] of answers) {
    it(`are set on ${status}, ${description}`, async () => {
      const response = await answer()
      expect(response.status).to.equal(status)
      expectSecurityHeaders(response.headers, description)
      await response.body?.cancel()
    })
  }

  it('are set on 429 and on streams', async () => {
    const stream = await openStream(`${instance.origin}/public/stream`, { headers: { cookie: ann.cookie() } })
    expectSecurityHeaders(stream.headers, 'a stream')
    stream.close()
    await ask('/posts', post('{"body":"x"}'))
    const rejected = await ask('/posts', post('{"body":"x"}'))
    expect(rejected.status).to.equal(429)
    expectSecurityHeaders(rejected.headers, '429')
  })

  it('are set on 503, when too many queries wait', async () => {
    await database.query('begin')
    await database.query('lock table posts')
    const all = await Promise.all(
      Array.from({ length: 130 }, () => ask('/public', { signal: AbortSignal.timeout(20_000) })),
    )
    await database.query('commit')
    const rejected = all.filter((response) => response.status === 503)
    expect(rejected).not.to.have.length(0)
    for (const { headers } of rejected) expectSecurityHeaders(headers, '503')
  })

  it('list exactly what a page may load', async () => {
    const policy = (await ask('/')).headers.get('content-security-policy') ?? ''
    expect(policy.split('; ').toSorted()).to.deep.equal(
      [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self' data: blob:",
        "manifest-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "worker-src 'self'",
      ].toSorted(),
    )
  })

  it('keep settings pages and their rejected forms out of every cache', async () => {
    for (const path of [
      '/settings/profile',
      '/settings/password',
      '/settings/sessions',
      '/settings/account',
    ]) {
      for (const signedIn of [true, false]) {
        expect((await ask(path, { signedIn })).headers.get('cache-control'), path).to.equal('no-store')
      }
      const rejected = await ask(path, {
        ...post('username='),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
      expect(rejected.headers.get('cache-control'), `POST ${path}`).to.equal('no-store')
    }
    expect((await ask('/', { signedIn: true })).headers.get('cache-control')).to.equal('private, no-cache')
  })

  it('require TLS only if the public origin uses TLS', async () => {
    const env = { PUBLIC_ORIGIN: 'https://feed.test' }
    const secure = await startInstance({ databaseUrl: database.url, env })
    for (const path of ['/', '/nothing', '/favicon.svg']) {
      const { headers } = await fetch(secure.origin + path)
      expect(headers.get('strict-transport-security'), path).to.match(/^max-age=\d{8}/)
      expect((await ask(path)).headers.has('strict-transport-security'), path).to.equal(false)
    }
  })
})

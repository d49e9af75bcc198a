import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { expectSecurityHeaders } from '../support/headers.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/instance.ts'
import { avatarForm, picture } from '../support/pictures.ts'
import { openStream } from '../support/sse.ts'

describe('the headers that tell browsers to be careful', () => {
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
    [200, 'a page of someone signed in', () => ask('/', { signedIn: true })],
    [200, 'a file', () => ask('/build/app.css')],
    [200, 'a picture', () => ask(`/images/${avatar}/50`)],
    [200, 'HEAD', () => ask('/', { method: 'HEAD' })],
    [
      201,
      'what was made',
      () => ask('/posts', post('{"body":"x"}', { ...json, accept: 'application/json' })),
    ],
    [303, 'on to somewhere', () => ask('/settings/profile')],
    [
      304,
      'nothing new',
      () =>
        ask(`/images/${avatar}/50`, {
          headers: { 'if-none-match': `"${avatar}-50"`, 'cache-control': 'max-age=0' },
        }),
    ],
    [400, 'bad JSON', () => ask('/posts', post('{'))],
    [400, 'a bad place', () => ask('/?before=x')],
    [
      401,
      'a program signed out',
      () => ask('/settings/profile', { headers: { accept: 'application/json' } }),
    ],
    [403, 'a forged POST', () => ask('/login', { method: 'POST', body: '{}', headers: json })],
    [404, 'nothing', () => ask('/nothing')],
    [404, 'a missing file', () => ask('/build/nothing.js')],
    [404, 'a missing picture', () => ask('/images/x/50')],
    [405, 'another method', () => ask('/', { method: 'DELETE' })],
    [413, 'too much', () => ask('/posts', post(JSON.stringify({ body: 'x'.repeat(70_000) })))],
    [415, 'another type', () => ask('/posts', post('x', { 'content-type': 'text/plain' }))],
    [422, 'a wrong value', () => ask('/posts', post('{"body":""}'))],
  ]
  for (const [status, what, answer] of answers) {
    it(`stand on ${status}, ${what}`, async () => {
      const response = await answer()
      expect(response.status).to.equal(status)
      expectSecurityHeaders(response.headers, what)
      await response.body?.cancel()
    })
  }

  it('stand on 429 and on streams', async () => {
    const stream = await openStream(`${instance.origin}/public/stream`, { headers: { cookie: ann.cookie() } })
    expectSecurityHeaders(stream.headers, 'a stream')
    stream.close()
    await ask('/posts', post('{"body":"x"}'))
    const refused = await ask('/posts', post('{"body":"x"}'))
    expect(refused.status).to.equal(429)
    expectSecurityHeaders(refused.headers, '429')
  })

  it('stand on 503, when the database is full', async () => {
    await database.query('begin')
    await database.query('lock table posts')
    const all = await Promise.all(
      Array.from({ length: 130 }, () => ask('/public', { signal: AbortSignal.timeout(20_000) })),
    )
    await database.query('commit')
    const refused = all.filter((response) => response.status === 503)
    expect(refused).not.to.have.length(0)
    for (const { headers } of refused) expectSecurityHeaders(headers, '503')
  })

  it('name exactly what a page may load', async () => {
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

  it('keep pages about oneself out of every cache, also where they are refused', async () => {
    for (const path of [
      '/settings/profile',
      '/settings/password',
      '/settings/sessions',
      '/settings/account',
    ]) {
      for (const signedIn of [true, false]) {
        expect((await ask(path, { signedIn })).headers.get('cache-control'), path).to.equal('no-store')
      }
      const refused = await ask(path, {
        ...post('username='),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
      expect(refused.headers.get('cache-control'), `POST ${path}`).to.equal('no-store')
    }
    expect((await ask('/', { signedIn: true })).headers.get('cache-control')).to.equal('private, no-cache')
  })

  it('ask for TLS where there is TLS, and only there', async () => {
    const env = { PUBLIC_ORIGIN: 'https://feed.test' }
    const secure = await startInstance({ databaseUrl: database.url, env })
    for (const path of ['/', '/nothing', '/favicon.svg']) {
      const { headers } = await fetch(secure.origin + path)
      expect(headers.get('strict-transport-security'), path).to.match(/^max-age=\d{8}/)
      expect((await ask(path)).headers.has('strict-transport-security'), path).to.equal(false)
    }
  })
})

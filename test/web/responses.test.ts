import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { createRouters } from '../../src/app.ts'
import { useSite } from '../support/site.ts'
import { eventually } from '../support/eventually.ts'
import { client, password } from '../support/http.ts'

describe('HTTP', () => {
  const {
    database,
    instances,
    people: { ann },
    guest,
  } = useSite({ people: ['ann'] })
  let post: string
  before(async () => {
    post = (await ann.post('/posts', { body: 'here' })).json.post.id
    await ann.post('/groups', { name: 'club', title: 'The club', visibility: 'public' })
  })

  const html = { accept: 'text/html' } as const

  /** Sends the body unchanged, as a signed-in user with a valid token. */
  async function send(body: string | Buffer, headers: Record<string, string>, path = '/posts') {
    const response = await fetch(guest.origin + path, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
      headers: {
        accept: 'application/json',
        cookie: ann.cookie(),
        'x-csrf-token': await ann.csrf(),
        ...headers,
      },
    })
    return { status: response.status, text: await response.text() }
  }
  const asJson = { 'content-type': 'application/json' }
  const asForm = { 'content-type': 'application/x-www-form-urlencoded' }

  it('serves every GET route as HTML and as JSON', async () => {
    const comment = (await ann.post(`/posts/${post}/comments`, { body: 'there' })).json.comment.id
    const zoe = await client(guest.origin).register('zoe')
    const other = (await zoe.post('/posts', { body: 'by zoe' })).json.post.id
    const reply = (await zoe.post(`/posts/${other}/comments`, { body: 'by zoe' })).json.comment.id
    const { report } = (await ann.post('/users/zoe/report', { reason: 'a test' })).json
    await database.query(
      `with admin as (update users set admin = true where username = 'ann' returning id)
       insert into password_resets (hash, user_id, expires_at)
       select sha256('a token'), id, now() + interval '1 hour' from admin`,
    )
    /** One reports what others wrote. */
    const samples: Record<string, string> = {
      '/posts/:id/report': `/posts/${other}/report`,
      '/comments/:id/report': `/comments/${reply}/report`,
      '/users/:username/report': '/users/zoe/report',
      '/admin/reports/:id': `/admin/reports/${report.id}`,
      '/reset-password': '/reset-password?token=a%20token',
    }
    const routes = createRouters({
      db: null as never,
      write: null as never,
      caches: null as never,
      publicFeed: null as never,
    })
      .flatMap(({ stack }) => stack)
      .filter(({ methods }) => methods.includes('GET'))
      .map(({ path }) => String(path))
      // This route has no HTML page.
      .filter((path) => path !== '/likes')
    expect(routes).to.have.length.greaterThan(10)
    for (const route of routes) {
      const id = route.startsWith('/comments') ? comment : post
      const sample = samples[route] ?? route
      const path = sample.replace(':id', id).replace(':username', 'ann').replace(':name', 'club')
      for (const reader of [ann, guest]) {
        const page = await reader.get(path, html)
        expect(page.status, `${path}: ${page.text.slice(0, 500)}`).to.be.oneOf([200, 303])
        expect((await reader.get(path)).status, path).to.be.oneOf(page.status === 200 ? [200] : [303, 401])
      }
    }
  })

  describe('headers', () => {
    const cases: [string, string][] = [
      ['a page', '/'],
      ['a file', '/favicon.svg'],
      ['a missing page', '/nothing'],
      ['a missing file', '/build/nothing.js'],
      ['a malformed path', '/posts/%ZZ'],
      ['a malformed cursor', '/?before=x'],
      ['a page that requires a sign-in', '/posts/1/edit'],
      ['a health check', '/livez'],
    ]
    for (const [what, path] of cases) {
      it(`protect ${what}`, async () => {
        for (const accept of ['text/html', 'application/json']) {
          const { headers } = await guest.get(path, { accept })
          expect(headers.get('content-security-policy')).to.contain("default-src 'none'; script-src 'self'")
          expect(headers.get('content-security-policy')).to.contain("frame-ancestors 'none'")
          expect(headers.get('x-content-type-options')).to.equal('nosniff')
          expect(headers.get('referrer-policy')).to.equal('same-origin')
          expect(headers.get('cross-origin-opener-policy')).to.equal('same-origin')
          expect(headers.get('cross-origin-resource-policy')).to.equal('same-origin')
          expect(headers.get('permissions-policy')).to.contain('geolocation=()')
          expect(headers.get('x-request-id')).to.match(/^[\w-]{16}$/)
          expect(headers.has('strict-transport-security'), 'without TLS').to.equal(false)
          expect(headers.has('access-control-allow-origin')).to.equal(false)
        }
      })
    }

    it('vary with Accept, so that caches keep HTML and JSON apart', async () => {
      const [page, json] = [await ann.get('/', html), await ann.get('/')]
      expect(page.headers.get('content-type')).to.contain('text/html')
      expect(json.headers.get('content-type')).to.contain('application/json')
      for (const { headers } of [page, json]) expect(headers.get('vary')).to.match(/\baccept\b/i)
      expect((await ann.get('/', { accept: '*/*' })).headers.get('content-type')).to.contain('text/html')
      expect(page.headers.get('cache-control')).to.equal('private, no-cache')
      expect(json.headers.get('cache-control')).to.equal('no-store')
      expect(json.json).to.include.keys('seq', 'posts', 'before', 'csrf', 'feeds', 'likes', 'stream')
    })

    const cacheControl = async (path: string) =>
      (await guest.get(path, { accept: '*/*' })).headers.get('cache-control')

    const builtFiles = async () =>
      (await guest.get('/', html)).text.match(/\/build\/app-[\w-]{8}\.\w+/g) ?? []

    it('let browsers keep a built file, whose name contains its hash', async () => {
      const urls = await builtFiles()
      expect(urls).to.have.length(2)
      for (const url of urls) {
        expect(await cacheControl(url), url).to.equal('public, max-age=31536000, immutable')
      }
    })

    it('forbid keeping the answer that a file does not exist', async () => {
      for (const path of ['/build/app-AAAAAAAA.js', '/build/toString', '/css/none.css', '/build/app-.js']) {
        expect((await guest.get(path, { accept: '*/*' })).status, path).to.equal(404)
        expect(await cacheControl(path), path).to.equal('no-store')
      }
    })

    it('are also found by pages of the last release, which request them without a hash', async () => {
      for (const path of ['/build/app.css?v=abc', '/build/app.js?v=abc']) {
        const file = await guest.get(path, { accept: '*/*' })
        expect([file.status, file.headers.get('cache-control')], path).to.deep.equal([
          200,
          'public, no-cache',
        ])
      }
    })

    it('make browsers revalidate a file without a hash', async () => {
      const plain = await guest.get('/build/app.css', { accept: '*/*' })
      expect(plain.headers.get('cache-control')).to.equal('public, no-cache')
      const since = plain.headers.get('last-modified') ?? ''
      expect(
        (
          await guest.get('/build/app.css', {
            headers: { 'if-modified-since': since, 'cache-control': 'max-age=0' },
          })
        ).status,
      ).to.equal(304)
    })

    it('are not sent with files outside the static folder', async () => {
      for (const path of [
        '/build/../package.json',
        '/build/..%2f..%2fpackage.json',
        '/css/%00',
        '/build/%ZZ',
      ]) {
        const response = await fetch(guest.origin + path)
        expect(response.status, path).to.be.within(400, 404)
        expect(await response.text()).not.to.contain('koa-session')
      }
    })
  })

  describe('errors', () => {
    it('are an HTML page or JSON, with the request id of the log', async () => {
      const page = await guest.get('/nothing', html)
      expect(page.status).to.equal(404)
      expect(page.text).to.contain(page.headers.get('x-request-id'))
      const json = await guest.get('/nothing')
      expect(json.json).to.deep.equal({
        error: { code: 'not_found', message: 'This does not exist, or it has been deleted.', fields: {} },
      })
      await eventually(() => instances[0]!.logs().includes(json.headers.get('x-request-id')!))
    })

    it('are 405 for a method that the path does not support', async () => {
      for (const [method, path] of [
        ['PUT', `/posts/${post}`],
        ['DELETE', `/posts/${post}`],
        ['GET', '/logout'],
        ['GET', `/posts/${post}/like`],
        ['PATCH', '/'],
      ] as const) {
        const response = await fetch(guest.origin + path, {
          method,
          headers: { accept: 'application/json' },
        })
        expect(response.status, `${method} ${path}`).to.equal(405)
        expect(response.headers.get('allow')).to.be.a('string')
        expect(await response.json()).to.have.nested.property('error.code', 'method_not_allowed')
      }
    })

    it('mark the current page in the navigation, also when a form is shown again', async () => {
      const current = async (sent: Promise<{ text: string }>) =>
        [...(await sent).text.matchAll(/<a[^>]*href="([^"]*)"[^>]*aria-current="page"/g)].map(
          ([, href]) => href,
        )
      expect(await current(ann.get('/', html))).to.deep.equal(['/'])
      expect(await current(ann.get('/public?before=2026-01-01T00:00:00.000000Z_1', html))).to.deep.equal([
        '/public',
      ])
      expect(await current(ann.get('/settings/profile', html))).to.deep.equal(['/settings/profile'])
      const form = { type: 'form' } as const
      expect(await current(ann.post('/settings/profile', { username: '?' }, form))).to.deep.equal([
        '/settings/profile',
      ])
      expect(await current(ann.post('/groups', { title: '' }, form))).to.deep.equal(['/groups'])
      expect(await current(ann.post('/posts', { body: '' }, form))).to.deep.equal([])
    })

    it('are below 500 for malformed paths', async () => {
      for (const path of [
        '/%',
        '/%ZZ',
        '/users/%ZZ',
        '/users/%00',
        '/posts/1/%2e%2e',
        '/?before=%ZZ',
        '/%E0%A4%A',
        '//',
        '/?before=%00',
        '/login?next=%ZZ&next=2',
        '/users/__proto__',
        '/posts/constructor',
      ]) {
        const { status } = await fetch(guest.origin + path)
        expect(status, path).to.be.lessThan(500)
      }
    })
  })

  describe('bodies', () => {
    it('over 64 KiB get 413, as JSON and as a form', async () => {
      const huge = JSON.stringify({ body: 'x'.repeat(65_600) })
      expect((await send(huge, asJson)).status).to.equal(413)
      expect((await send(`body=${'x'.repeat(65_600)}`, asForm)).status).to.equal(413)
    })

    it('of another media type, or compressed, get 415', async () => {
      for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'image/png']) {
        expect((await send('{"body":"x"}', { 'content-type': type })).status, type).to.equal(415)
      }
      for (const encoding of ['gzip', 'br', 'deflate', 'nonsense', 'gzip, gzip']) {
        const compressed = gzipSync(JSON.stringify({ body: 'x'.repeat(65_600) }))
        expect(
          (await send(compressed, { ...asJson, 'content-encoding': encoding })).status,
          encoding,
        ).to.equal(415)
      }
      expect((await send('{"body":"x"}', { ...asJson, 'content-encoding': 'identity' })).status).to.equal(201)
    })

    it('that are not a JSON object get 400, and do not appear in the response or the log', async () => {
      for (const body of [
        '{"password":"hunter2"',
        '"hunter2"',
        '["hunter2"]',
        'hunter2',
        '[[[['.repeat(9000),
        '{"__proto__":{"hunter2":1}}',
      ]) {
        const answer = await send(body, asJson)
        expect(answer.status, body.slice(0, 30)).to.equal(400)
        expect(answer.text).not.to.contain('hunter2')
      }
      expect(instances[0]!.logs()).not.to.contain('hunter2')
    })

    it('may contain unknown fields', async () => {
      expect((await send('{"body":"known","author_id":"7","id":1}', asJson)).status).to.equal(201)
      expect((await send('body=known&author_id=7&constructor=1', asForm)).status).to.equal(201)
    })

    it('with lists or objects instead of text get 422', async () => {
      for (const body of ['body[]=x', 'body[a]=x', 'body=x&body=y', 'body=x&client_key[]=y']) {
        expect((await send(body, asForm)).status, body).to.equal(422)
      }
      for (const body of [
        { body: ['x'] },
        { body: 1 },
        { body: 'x', group: {} },
        { body: 'x', client_key: 1 },
      ]) {
        expect((await send(JSON.stringify(body), asJson)).status).to.equal(422)
      }
    })
  })

  it('the log has one line per request, and no secrets', async () => {
    const dora = await client(guest.origin).register('dora', 'a very own secret')
    await dora.post('/login', { username: 'dora', password: 'a typing error' })
    await dora.get('/public?before=2026-01-01T00:00:00.000000Z_1')
    const lines = () =>
      instances[0]!
        .logs()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    const last = await eventually(
      () => lines().findLast((line) => line.event === 'request'),
      (line) => line?.path === '/public',
    )
    expect(last).to.include({ method: 'GET', status: 200 })
    expect(lines().some((line) => line.event === 'signed in')).to.equal(true)
    const cookies = dora
      .cookie()
      .split('; ')
      .map((pair) => pair.slice(pair.indexOf('=') + 1))
    for (const secret of ['a very own secret', 'a typing error', password, await dora.csrf(), ...cookies]) {
      expect(instances[0]!.logs()).not.to.contain(secret)
    }
  })
})

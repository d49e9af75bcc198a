import { expect } from 'chai'
import { createRouters } from '../../src/app.ts'
import { useDatabase } from '../support/database.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

describe('CSRF protection', () => {
  const database = useDatabase()
  let instance: Instance
  let ann: Client
  let bob: Client
  let ids: Record<string, string>
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
    ann = await client(instance.origin).register('ann')
    bob = await client(instance.origin).register('bob')
    const post = (await ann.post('/posts', { body: 'here' })).json.post.id
    const comment = (await ann.post(`/posts/${post}/comments`, { body: 'there' })).json.comment.id
    // A report is about something of another person, and the pages of admins are for admins.
    await database.query(`update users set admin = true where username = 'ann'`)
    const other = (await bob.post('/posts', { body: 'by bob' })).json.post.id
    const reply = (await bob.post(`/posts/${other}/comments`, { body: 'by bob' })).json.comment.id
    ids = {
      '/posts/:id/report': `/posts/${other}/report`,
      '/comments/:id/report': `/comments/${reply}/report`,
      '/reports/:id': '/reports/1',
      '/invitations/:id': '/invitations/1',
      '/posts/:id': `/posts/${post}`,
      '/comments/:id': `/comments/${comment}`,
      ':username': 'bob',
      '/sessions/:id': '/sessions/1',
    }
  })

  const routes = createRouters({
    db: null as never,
    write: null as never,
    caches: null as never,
    publicFeed: null as never,
  })
    .flatMap(({ stack }) => stack)
    .filter(({ methods }) => methods.includes('POST'))
    .map(({ path }) => String(path))

  const countRows = () =>
    database.query(`select (select count(*) from users), (select count(*) from posts), (select count(*) from comments),
      (select count(*) from post_likes), (select count(*) from subscriptions), (select count(*) from sessions),
      (select count(*) from reports), (select count(*) from invitations), (select count(*) from reserved_names),
      (select count(*) from admin_log)`)

  it('is tested on every POST route', () => expect(routes).to.have.length.greaterThan(10))

  for (const route of routes) {
    it(`rejects POST ${route} without the visitor’s own token`, async () => {
      const path = Object.entries(ids).reduce((text, [from, to]) => text.replace(from, to), route)
      const visitor = ['/register', '/login'].includes(route) ? client(instance.origin) : ann
      const body = { username: 'mallory', password, body: 'forged' }
      const before = await countRows()
      for (const csrf of [null, '', 'x', await bob.csrf(), `${await visitor.csrf()}x`]) {
        for (const type of ['json', 'form'] as const) {
          const answer = await visitor.post(path, body, { csrf, type })
          expect(answer.status, `${type} ${csrf}`).to.equal(403)
          expect(answer.text).to.contain('Invalid POST contents')
        }
      }
      expect(await countRows()).to.deep.equal(before)
    })
  }

  it('accepts the token in a hidden field instead of the header', async () => {
    const csrf_token = await ann.csrf()
    const answer = await ann.post('/posts', { body: 'by field', csrf_token }, { csrf: null, type: 'form' })
    expect(answer.status).to.equal(303)
  })

  it('shows a form with an outdated token again, with its values and a valid token', async () => {
    const guest = client(instance.origin)
    const form = { username: 'bob', password, next: '/public' }
    const outdated = await client(instance.origin).csrf()
    const refused = await guest.post('/login', form, { csrf: outdated, type: 'form' })
    expect(refused.status).to.equal(403)
    expect(refused.text).to.contain('Invalid POST contents').and.contain('value="bob"')
    expect(refused.text).not.to.contain(password)
    const [, csrf_token] = /name="csrf_token" value="([^"]+)"/.exec(refused.text) ?? []
    const again = await guest.post('/login', { ...form, csrf_token }, { csrf: null, type: 'form' })
    expect(again).to.include({ status: 303, location: '/public' })
  })

  it('rejects a token from before the sign-in', async () => {
    const carl = client(instance.origin)
    const early = await carl.csrf()
    await carl.register('carl')
    expect((await carl.post('/posts', { body: 'x' }, { csrf: early })).status).to.equal(403)
    expect((await carl.post('/posts', { body: 'x' })).status).to.equal(201)
  })

  it('ignores a visitor cookie with an invalid signature', async () => {
    const value = Buffer.from(JSON.stringify({ csrf: 'mine', flash: ['gotcha'] })).toString('base64url')
    const planted = client(
      instance.origin,
      new Map([
        ['koafeed-guest', value],
        ['koafeed-guest.sig', 'x'.repeat(27)],
      ]),
    )
    expect((await planted.post('/login', { username: 'ann', password }, { csrf: 'mine' })).status).to.equal(
      403,
    )
    expect((await planted.get('/', { accept: 'text/html' })).text).not.to.contain('gotcha')
  })

  const senders: [string, Record<string, string>, number][] = [
    ['a page of this site', { 'sec-fetch-site': 'same-origin' }, 201],
    ['a page of another site (Sec-Fetch-Site)', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another origin', { origin: 'https://evil.test' }, 403],
    ['an opaque origin', { origin: 'null' }, 403],
    ['another port of this host', { origin: 'http://localhost:1' }, 403],
    ['a client that sends neither header', {}, 201],
  ]
  for (const [sender, headers, status] of senders) {
    it(`responds ${status} to ${sender} with a valid token`, async () => {
      expect((await ann.post('/posts', { body: 'x' }, { headers })).status).to.equal(status)
    })
  }

  describe('without PUBLIC_ORIGIN', () => {
    const host = () => new URL(instance.origin).host
    const status = async (at: Client, headers: Record<string, string>) =>
      (await at.post('/posts', { body: 'x' }, { headers })).status

    it('accepts the origin of the connection’s scheme and the Host header', async () => {
      expect(await status(ann, { origin: `http://${host()}` })).to.equal(201)
    })

    it('rejects this host with another scheme', async () => {
      for (const origin of [`https://${host()}`, `ftp://${host()}`, host(), `//${host()}`]) {
        expect(await status(ann, { origin }), origin).to.equal(403)
      }
      const forged = { origin: `https://${host()}`, 'x-forwarded-proto': 'https' }
      expect(await status(ann, forged), 'a forwarded scheme without a trusted proxy').to.equal(403)
    })

    it('takes the scheme from a trusted proxy', async () => {
      const env = { TRUSTED_PROXIES: '1' }
      const behindTls = await startInstance({ databaseUrl: database.url, env })
      const at = ann.at(behindTls.origin)
      const origin = `https://${new URL(behindTls.origin).host}`
      expect(await status(at, { origin, 'x-forwarded-proto': 'https' })).to.equal(201)
      expect(await status(at, { origin: behindTls.origin, 'x-forwarded-proto': 'https' })).to.equal(403)
      expect(await status(at, { origin: 'null', 'x-forwarded-proto': 'data' })).to.equal(403)
    })
  })

  it('accepts PUBLIC_ORIGIN only, if it is set, whatever the Host header says', async () => {
    const origin = 'http://feed.test'
    const configured = await startInstance({ databaseUrl: database.url, env: { PUBLIC_ORIGIN: origin } })
    const at = ann.at(configured.origin)
    expect((await at.post('/posts', { body: 'x' }, { headers: { origin } })).status).to.equal(201)
    expect(
      (await at.post('/posts', { body: 'x' }, { headers: { origin: configured.origin } })).status,
    ).to.equal(403)
    const here = { origin: instance.origin }
    expect((await ann.post('/posts', { body: 'x' }, { headers: here })).status).to.equal(201)
  })
})

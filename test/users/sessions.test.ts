import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

describe('sessions', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let ann: Client
  before(async () => {
    ;[one, two] = await Promise.all([
      startInstance({ databaseUrl: database.url }),
      startInstance({ databaseUrl: database.url }),
    ])
    ann = await client(one.origin).register('ann')
  })

  const idOf = (person: Client) => /koafeed=([\w-]+)/.exec(person.cookie())?.[1] ?? ''
  const signedIn = async (person: Client) => (await person.get('/')).json.stream === '/stream'

  it('have 256 random bits in the cookie, and only their hash in the database', async () => {
    const id = idOf(ann)
    expect(Buffer.from(id, 'base64url')).to.have.length(32)
    const rows = await database.query<{ id_hash: Buffer; row: string }>(
      `select id_hash, sessions::text as row from sessions`,
    )
    expect(rows.map((row) => row.id_hash)).to.deep.equal([createHash('sha256').update(id).digest()])
    expect(rows[0]!.row).not.to.contain(id)
  })

  it('have a cookie that scripts and other sites cannot use', async () => {
    const answer = await client(one.origin).post('/login', { username: 'ann', password })
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('koafeed='))
    expect(cookie)
      .to.match(/; httponly/i)
      .and.to.match(/; samesite=lax/i)
      .and.not.to.match(/; secure/i)
  })

  it('have a secure, host-bound cookie behind TLS', async () => {
    const origin = 'https://feed.test'
    const instance = await startInstance({ databaseUrl: database.url, env: { PUBLIC_ORIGIN: origin } })
    const answer = await client(instance.origin).login('ann')
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('__Host-koafeed='))
    expect(cookie)
      .to.match(/; secure/i)
      .and.to.match(/; path=\/(;|$)/i)
      .and.not.to.match(/domain/i)
    expect(answer.headers.get('strict-transport-security')).to.contain('max-age=')
  })

  it('work on every instance, and end on all of them with a sign-out on one', async () => {
    const bob = await client(one.origin).register('bob')
    const elsewhere = bob.at(two.origin)
    const cookie = bob.cookie()
    expect(await signedIn(elsewhere)).to.equal(true)
    const out = await elsewhere.post('/logout')
    expect(out.headers.get('clear-site-data')).to.equal('"cache"')
    expect(await signedIn(bob)).to.equal(false)
    const stolen = await client(one.origin).get('/', { headers: { cookie } })
    expect(stolen.json.stream).to.equal('/public/stream')
  })

  it('get a new id at sign-in, even if the browser sends one', async () => {
    const planted = 'A'.repeat(43)
    const answer = await client(one.origin, new Map([['koafeed', planted]])).login('ann')
    expect(answer.headers.getSetCookie().join())
      .to.match(/koafeed=[\w-]{43}/)
      .and.not.to.contain(planted)
  })

  it('are not restored by a request that is still running when they end', async () => {
    const carl = await client(one.origin).register('carl')
    const [{ id } = { id: '' }] = await database.query<{ id: string }>(
      `select id from users where username = 'carl'`,
    )
    await carl.csrf()
    await database.query('begin')
    await database.query(`lock table subscriptions in share row exclusive mode`)
    const slow = carl.post('/users/ann/follow', {}, { type: 'form' })
    await eventually(() => database.countLockWaits())
    await database.query(`delete from sessions where user_id = $1`, [id])
    await database.query('commit')
    expect(await slow).to.include({ status: 303, location: '/users/ann' })
    expect(await database.query(`select from sessions where user_id = $1`, [id])).to.have.length(0)
    await eventually(async () => !(await signedIn(carl)))
  })

  it('end when they expire', async () => {
    const dora = await client(one.origin).register('dora')
    expect(await signedIn(dora)).to.equal(true)
    await database.query(
      `update sessions set expires_at = now() - interval '1 second'
       where user_id = (select id from users where username = 'dora')`,
    )
    await eventually(async () => !(await signedIn(dora)))
  })

  it('last 14 days after the last use, and at most 30 days after sign-in', async () => {
    const emma = await client(one.origin).register('emma')
    const mine = `user_id = (select id from users where username = 'emma')`
    const left = async () => {
      const [row] = await database.query<{ days: number }>(
        `select round(extract(epoch from expires_at - now()) / 86400)::int as days from sessions where ${mine}`,
      )
      return row?.days
    }
    expect(await left()).to.equal(14)
    await database.query(
      `update sessions set last_seen_at = now() - interval '1 hour', created_at = now() - interval '3 days',
       expires_at = now() + interval '1 day' where ${mine}`,
    )
    await emma.get('/')
    await eventually(left, (days) => days === 14)
    await database.query(
      `update sessions set last_seen_at = now() - interval '1 hour', created_at = now() - interval '29 days' where ${mine}`,
    )
    await emma.get('/')
    await eventually(left, (days) => days === 1)
  })

  const nexts: [string, string][] = [
    ['/posts/12?before=3', '/posts/12?before=3'],
    ['//evil.test', '/'],
    ['/\\evil.test', '/'],
    ['javascript:alert(1)', '/'],
    ['/%09/evil.test', '/'],
    ['https://evil.test/', '/'],
  ]
  for (const [next, to] of nexts) {
    it(`redirect to ${to} after a sign-in with ?next=${next}`, async () => {
      const path = `/login?next=${encodeURIComponent(next)}`
      const byAddress = await client(one.origin).post(path, { username: 'ann', password }, { type: 'form' })
      expect(byAddress).to.include({ status: 303, location: to })
      const byField = await client(one.origin).post(
        '/login',
        { username: 'ann', password, next },
        { type: 'form' },
      )
      expect(byField).to.include({ status: 303, location: to })
    })
  }

  it('redirect signed-in users from /login and /register to the home page, and keep their pages out of shared caches', async () => {
    for (const path of ['/login', '/register']) {
      expect(await ann.get(path, { accept: 'text/html' })).to.include({ status: 303, location: '/' })
    }
    const home = await ann.get('/', { accept: 'text/html' })
    expect(home.headers.get('cache-control')).to.equal('private, no-cache')
    expect((await ann.get('/')).headers.get('cache-control')).to.equal('no-store')
  })

  it('redirect anonymous visitors to /login and back; programs get 401', async () => {
    const guest = client(one.origin)
    expect(await guest.get('/posts/1/edit', { accept: 'text/html' })).to.include({
      status: 303,
      location: '/login?next=%2Fposts%2F1%2Fedit',
    })
    expect((await guest.get('/posts/1/edit')).status).to.equal(401)
    expect((await guest.post('/posts', { body: 'hello' })).status).to.equal(401)
    expect(await database.query(`select from posts`)).to.have.length(0)
  })
})

import { expect } from 'chai'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, type TestResponse, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

/** A page that is read for each request. The first page of the public feed is kept. */
const PAGE = '/public?before=2100-01-01T00:00:00.000000Z_1'

/** A lock on a table makes the queries wait, so that each one holds its connection. */
describe('the limit on concurrent queries per person', () => {
  const database = useDatabase()
  let instance: Instance
  let ann: Client
  let bob: Client
  let psql: pg.Client
  before(async () => {
    instance = await start('signups=0,signins=0')
    ann = await client(instance.origin).register('ann')
    bob = await client(instance.origin).register('bob')
    // A page brings the token, and the lock would delay the page.
    await Promise.all([ann.csrf(), bob.csrf()])
    psql = new pg.Client({ connectionString: database.url })
    await psql.connect()
  })
  after(() => psql.end())
  beforeEach(() => psql.query('begin; lock table entries'))
  afterEach(() => psql.query('rollback'))

  const start = (LIMITS: string) =>
    startInstance({ databaseUrl: database.url, env: { LIMITS, TRUSTED_PROXIES: '1' } })
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
  const untilWaiting = (count: number) =>
    eventually(
      () => database.countLockWaits(),
      (waiting) => waiting === count,
    )
  const many = (count: number, request: () => Promise<TestResponse>) => Array.from({ length: count }, request)

  it('leaves connections to other people and answers 429 to the excess requests', async () => {
    const requests = many(60, () => ann.get(PAGE))
    await untilWaiting(5)
    const pages = await Promise.all(
      ['/groups', '/settings/profile', '/users/ann/followers'].map((path) => bob.get(path)),
    )
    expect(pages.map(({ status }) => status)).to.deep.equal([200, 200, 200])
    expect(await database.countLockWaits(), 'of 60 requests').to.equal(5)
    const rejected = await Promise.race(requests)
    expect(rejected.status).to.equal(429)
    expect(Number(rejected.headers.get('retry-after'))).to.be.greaterThan(0)
    await psql.query('rollback')
    const statuses = new Set((await Promise.all(requests)).map(({ status }) => status))
    expect(statuses).to.deep.equal(new Set([200, 429]))
    expect((await ann.get(PAGE)).status, 'after their responses').to.equal(200)
  })

  it('counts anonymous visitors by address', async () => {
    const guest = client(instance.origin)
    const requests = many(20, () => guest.get(PAGE, from('192.0.2.1')))
    await untilWaiting(5)
    const other = guest.get(PAGE, from('192.0.2.2'))
    await untilWaiting(6)
    const bobs = bob.get('/public', from('192.0.2.1'))
    await untilWaiting(7)
    await psql.query('rollback')
    expect((await other).status).to.equal(200)
    expect((await bobs).status, 'a signed-in user at the same address').to.equal(200)
    expect((await Promise.all(requests)).map(({ status }) => status)).to.include(200)
  })

  it('covers pictures and the lookup of sessions', async () => {
    await psql.query('rollback; begin; lock table images')
    const pictures = many(20, () => ann.get(`/images/${'a'.repeat(40)}/50`, from('192.0.2.3')))
    await untilWaiting(5)
    expect((await bob.get('/groups')).status).to.equal(200)
    await psql.query('rollback')
    expect((await Promise.all(pictures)).map(({ status }) => status)).to.include(404)

    await psql.query('begin; lock table sessions')
    const forged = { cookie: `koafeed=${'a'.repeat(43)}`, ...from('192.0.2.4').headers }
    const guest = client(instance.origin)
    const pages = many(20, () => guest.get('/groups', { headers: forged }))
    await untilWaiting(5)
    expect((await guest.get('/groups')).status, 'another address').to.equal(200)
    await psql.query('rollback')
    expect((await Promise.all(pages)).map(({ status }) => status)).to.include(200)
  })

  it('covers writes, which do not hold a write transaction while they wait', async () => {
    const reads = many(10, () => ann.get('/public'))
    await untilWaiting(5)
    const writes = many(12, () => ann.post('/settings/sessions/end'))
    expect((await bob.post('/settings/sessions/end')).status).to.equal(200)
    expect(await database.countLockWaits()).to.equal(5)
    await psql.query('rollback')
    await Promise.all([...reads, ...writes])
  })

  it('can be disabled by LIMITS', async () => {
    const lifted = await start('off')
    const requests = many(20, () => client(lifted.origin).get(PAGE))
    await untilWaiting(9)
    await psql.query('rollback')
    await Promise.all(requests)
  })
})

import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, password, type TestResponse, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'
import { avatarForm } from '../support/pictures.ts'

describe('rate limits', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let ann: Client
  before(async () => {
    const options = {
      databaseUrl: database.url,
      env: { LIMITS: 'posts=3,follows=2,uploads=2', TRUSTED_PROXIES: '1' },
    }
    ;[one, two] = await Promise.all([startInstance(options), startInstance(options)])
    ann = await client(one.origin).register('ann')
    await client(one.origin).register('bob')
  })
  beforeEach(() => database.query('delete from throttles'))

  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
  const tryAs = (username: string, address: string, instance = one) =>
    client(instance.origin).post('/login', { username, password: 'not this one' }, from(address))
  const statusesOf = (answers: TestResponse[]) => answers.map(({ status }) => status)
  async function inTurn(count: number, attempt: (n: number) => Promise<TestResponse>): Promise<number[]> {
    const answers: TestResponse[] = []
    for (let n = 0; n < count; n++) answers.push(await attempt(n))
    return statusesOf(answers)
  }
  const repeated = (status: number, count: number) => Array.from({ length: count }, () => status)

  it('allow ten sign-in attempts per address, across instances', async () => {
    const statuses = await inTurn(12, (n) => tryAs(`name_${n}`, '192.0.2.1', n % 2 ? one : two))
    expect(statuses).to.deep.equal([...repeated(422, 10), 429, 429])
    expect((await tryAs('name_1', '192.0.2.2')).status, 'another address').to.equal(422)
  })

  it('name the time to retry, as JSON and as a page, and allow a sign-in after it', async () => {
    await inTurn(10, () => tryAs('ann', '192.0.2.1'))
    const rejected = await tryAs('ann', '192.0.2.1')
    expect(rejected.status).to.equal(429)
    expect(Number(rejected.headers.get('retry-after'))).to.be.within(150, 180)
    const page = await client(one.origin).post(
      '/login',
      { username: 'ann', password },
      { type: 'form', ...from('192.0.2.1') },
    )
    expect(page.status, 'even with the right password').to.equal(429)
    expect(page.headers.get('retry-after')).to.be.a('string')
    const ends = async () =>
      (await database.query(`select ends_at from throttles where key like 'signins:%'`))[0]
    const before = await ends()
    await tryAs('ann', '192.0.2.1')
    expect(await ends(), 'further attempts do not extend it').to.deep.equal(before)
    await database.query(`update throttles set ends_at = now()`)
    const retried = await client(one.origin).post('/login', { username: 'ann', password }, from('192.0.2.1'))
    expect(retried.status).to.equal(200)
  })

  it('count an IPv6 network as one address', async () => {
    const statuses = await inTurn(11, (n) => tryAs(`name_${n}`, `2001:db8:1:2::${n + 1}`))
    expect(statuses).to.deep.equal([...repeated(422, 10), 429])
    expect((await tryAs('name_1', '2001:db8:1:3::1')).status).to.equal(422)
  })

  it('allow 25 attempts per account from any address, and per name that does not exist', async () => {
    for (const username of ['ann', 'nobody_here']) {
      const statuses = await inTurn(26, (n) => tryAs(username, `192.0.2.${n + 1}`))
      expect(statuses, username).to.deep.equal([...repeated(422, 25), 429])
    }
    expect((await tryAs('bob', '192.0.2.200')).status, 'another account').to.equal(422)
  })

  it('ignore addresses that the client writes into X-Forwarded-For', async () => {
    const statuses = await inTurn(11, (n) => tryAs(`name_${n}`, `198.51.100.${n}, 192.0.2.1`))
    expect(statuses.at(-1)).to.equal(429)
    const direct = await startInstance({ databaseUrl: database.url, env: { LIMITS: '' } })
    const statusesOfDirect = await inTurn(11, (n) => tryAs(`name_${n}`, `198.51.100.${n}`, direct))
    expect(statusesOfDirect.at(-1), 'without a proxy, the header is ignored').to.equal(429)
  })

  it('allow five registrations per address', async () => {
    const statuses = await inTurn(6, (n) =>
      client(one.origin).post('/register', { username: `sock_${n}`, password }, from('192.0.2.9')),
    )
    expect(statuses).to.deep.equal([...repeated(201, 5), 429])
    expect(await database.query(`select from users where username like 'sock%'`)).to.have.length(5)
  })

  it('count posts, and comments, across instances', async () => {
    const posts = await inTurn(4, (n) =>
      (n % 2 ? ann : ann.at(two.origin)).post('/posts', { body: `post ${n}` }),
    )
    expect(posts).to.deep.equal([201, 201, 201, 429])
    const id = (await ann.get('/')).json.posts[0].id
    const comments = await inTurn(4, (n) => ann.post(`/posts/${id}/comments`, { body: `comment ${n}` }))
    expect(comments).to.deep.equal([201, 201, 201, 429])
    expect(await database.query('select from posts')).to.have.length(3)
    expect(await database.query('select from comments')).to.have.length(3)
  })

  it('count follows and uploads', async () => {
    expect(await inTurn(3, () => ann.post('/users/bob/follow'))).to.deep.equal([200, 200, 429])
    expect(await inTurn(3, () => ann.post('/settings/profile', avatarForm('x')))).to.deep.equal([
      415, 415, 429,
    ])
  })

  it('allow 25 guesses of the password in an open session', async () => {
    const guess = (n: number) =>
      n % 2
        ? ann.post('/settings/password', { old_password: `guess ${n}`, password: 'a better one, surely' })
        : ann.post('/settings/account', { password: `guess ${n}` })
    expect(await inTurn(26, guess)).to.deep.equal([...repeated(422, 25), 429])
  })

  it('leave a rejected form on the page, with its text and the time to retry', async () => {
    const asForm = { type: 'form' } as const
    await inTurn(3, (n) => ann.post('/posts', { body: `post ${n}` }))
    const post = await ann.post('/posts', { body: 'a text that took an hour' }, asForm)
    expect(post.status).to.equal(429)
    expect(post.text).to.match(/<textarea[^>]*>\na text that took an hour<\/textarea>/)
    expect(post.text).to.match(/role="alert"[^>]*>You did this too often. Try again in 3 hours.</)
    await inTurn(10, () => tryAs('ann', '192.0.2.1'))
    await database.query(`update throttles set ends_at = now() + interval '47 seconds'`)
    const login = await client(one.origin).post(
      '/login',
      { username: 'ann', password },
      { ...asForm, ...from('192.0.2.1') },
    )
    expect(login.text)
      .to.contain('Try again in 47 seconds.')
      .and.to.contain('name="username" type="text" value="ann"')
    await inTurn(2, () => ann.post('/settings/profile', avatarForm('x')))
    const profile = await ann.post('/settings/profile', avatarForm('x', { bio: 'A new life' }), asForm)
    expect(profile.status).to.equal(429)
    expect(profile.text).to.contain('A new life').and.to.contain('Try again in')
  })

  it('log the limit and the address of a rejected request', async () => {
    await inTurn(11, (n) => tryAs(`name_${n}`, '192.0.2.77'))
    await eventually(() =>
      /"event":"throttled","limit":"signins","retryAfter":\d+,"address":"192.0.2.77"/.test(one.logs()),
    )
    expect(one.logs()).to.contain('"event":"sign-in refused","network":"192.0.2.77"')
  })

  it('can be disabled, one or all', async () => {
    for (const LIMITS of ['signins=0', 'off']) {
      const instance = await startInstance({
        databaseUrl: database.url,
        env: { LIMITS, TRUSTED_PROXIES: '1' },
      })
      expect(await inTurn(12, () => tryAs('ann', '192.0.2.1', instance)), LIMITS).to.deep.equal(
        repeated(422, 12),
      )
    }
  })
})

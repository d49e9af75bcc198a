import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import pg from 'pg'
import { useSite } from '../support/site.ts'
import { eventually } from '../support/eventually.ts'
import { client } from '../support/http.ts'
import { openStream, type TestStream } from '../support/streams/sse.ts'

describe('the limits on streams', () => {
  const {
    database,
    people: { ann },
    guest,
  } = useSite({ people: ['ann'], env: { LIMITS: '', TRUSTED_PROXIES: '1' } })
  const streams: TestStream[] = []
  afterEach(() => streams.splice(0).forEach((stream) => stream.close()))

  async function open(headers: Record<string, string>, path = '/public/stream'): Promise<TestStream> {
    const stream = await openStream(guest.origin + path, { headers })
    streams.push(stream)
    return stream
  }

  it('allow ten per user: an eleventh ends the oldest, with a long retry delay', async () => {
    const cookie = ann.cookie()
    /** Checks that the streams are open: each one gets a new event. */
    async function expectOpen(open: TestStream[]): Promise<void> {
      const { id } = (await ann.post('/posts', { body: 'a new post' })).json.post
      await Promise.all(open.map((stream) => stream.next((event) => event.data?.post?.id === id)))
    }
    for (let n = 0; n < 10; n++) await open({ cookie }, '/stream')
    await expectOpen(streams)
    const [oldest, ...others] = streams
    expect((await open({ cookie })).status).to.equal(200)
    await oldest!.closed
    expect(oldest!.retries.at(-1)).to.be.at.least(10_000)
    const bob = await client(guest.origin).register('bob')
    expect((await open({ cookie: bob.cookie() }, '/stream')).status, 'another person').to.equal(200)
    await expectOpen(others)
  })

  it('allow fifty per network for anonymous visitors, then 429 until one is closed', async () => {
    const at = (n: number) => ({ 'x-forwarded-for': `2001:db8:0:1::${n}` })
    for (let n = 0; n < 50; n++) expect((await open(at(n))).status).to.equal(200)
    const rejected = await open(at(51))
    expect(rejected.status).to.equal(429)
    expect(Number(rejected.headers.get('retry-after'))).to.be.greaterThan(0)
    expect((await open({ 'x-forwarded-for': '2001:db8:0:2::1' })).status, 'another network').to.equal(200)
    expect(
      (await open({ ...at(1), cookie: ann.cookie() }, '/stream')).status,
      'a signed-in user there',
    ).to.equal(200)
    streams[0]!.close()
    await eventually(
      async () => (await open(at(52))).status,
      (status) => status === 200,
    )
  })

  it('do not count connections that close while their rights are read', async () => {
    const headers = { 'x-forwarded-for': '2001:db8:0:3::1' }
    const request = `GET /public/stream HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${headers['x-forwarded-for']}\r\n\r\n`
    const { hostname, port } = new URL(guest.origin)
    const holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
    await holder.query('begin; lock table rights')
    const sockets = Array.from({ length: 100 }, () => connect(Number(port), hostname).end(request))
    await Promise.all(sockets.map((socket) => once(socket, 'close')))
    await holder.query('commit')
    await holder.end()
    expect((await open(headers)).status).to.equal(200)
  })

  it('reject streams of other sites, without CORS headers', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'cross-site', cookie: ann.cookie() },
    ]) {
      const stream = await open(headers)
      expect(stream.status).to.equal(403)
      expect(stream.headers.has('access-control-allow-origin')).to.equal(false)
    }
    const other = await open({ origin: 'https://evil.test' })
    expect(other.headers.has('access-control-allow-origin')).to.equal(false)
  })
})

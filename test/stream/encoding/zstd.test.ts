import { expect } from 'chai'
import { open as request, readText } from '../../../conformance/http.ts'
import { openStream, type Stream } from '../../../conformance/stream.ts'
import type { Client } from '../../support/http.ts'
import { useSite } from '../../support/site.ts'

describe('a stream for a client that takes zstd', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  const streams: Stream[] = []
  before(() => bob.post('/users/ann/follow'))
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close()
  })

  async function open(
    person: Client,
    path: string,
    headers: Record<string, string>,
    method = 'GET',
  ): Promise<Stream> {
    const stream = await openStream(new URL(path, person.origin), {
      method,
      headers: { cookie: person.cookie(), ...headers },
      timeout: 10_000,
    })
    streams.push(stream)
    return stream
  }
  const seq = async (): Promise<string> => (await bob.get('/')).json.seq
  const about =
    (id: string) =>
    ({ data }: { data: { post?: { id: string } } | null }) =>
      data?.post?.id === id
  async function encodingOf(accepted: string, path = '/public/stream'): Promise<unknown> {
    const { headers } = await open(guest, path, accepted === '' ? {} : { 'accept-encoding': accepted })
    expect(headers.vary?.split(/, */), accepted).to.include('Accept-Encoding')
    return headers['content-encoding']
  }

  it('is compressed if the client names zstd with a quality above 0, and does not prefer plain text', async () => {
    for (const accepted of [
      'zstd',
      'gzip, deflate, br, zstd',
      'ZSTD',
      'zstd;q=0.1',
      'gzip;q=1.0, zstd;q=0.5',
      'identity;q=0, zstd',
    ]) {
      expect([accepted, await encodingOf(accepted)]).to.deep.equal([accepted, 'zstd'])
    }
    for (const accepted of [
      '',
      '*',
      'gzip, deflate, br',
      'zstd;q=0',
      'gzip, zstd; q=0.000',
      '*, zstd;q=0',
      'zstd;q=0.5, identity',
    ]) {
      expect([accepted, await encodingOf(accepted)]).to.deep.equal([accepted, undefined])
    }
  })

  it('is plain for ?plain=1', async () => {
    expect(await encodingOf('zstd', '/public/stream?plain=1')).to.equal(undefined)
  })

  it('is plain for undici, which asks for zstd over HTTPS and then decodes only the first event of a chunk', async () => {
    expect(await encodingOf('br, gzip, deflate, zstd')).to.equal(undefined)
  })

  it('has the same headers for HEAD', async () => {
    const head = await open(guest, '/public/stream', { 'accept-encoding': 'zstd' }, 'HEAD')
    await head.ended()
    const get = await open(guest, '/public/stream', { 'accept-encoding': 'zstd' })
    for (const name of ['content-encoding', 'content-type', 'cache-control', 'vary', 'x-accel-buffering']) {
      expect([name, head.headers[name]]).to.deep.equal([name, get.headers[name]])
    }
    expect(get.headers['content-encoding']).to.equal('zstd')
    expect(get.headers['cache-control']).to.equal('no-cache, no-transform')
  })

  it('is refused with an error that is not compressed', async () => {
    const headers = { 'accept-encoding': 'zstd' }
    const refused = await request(
      new URL('/users/nobody_here/stream', guest.origin),
      { headers },
      { timeout: 5_000 },
    )
    expect(refused.statusCode).to.equal(404)
    expect(refused.headers['content-encoding']).to.equal(undefined)
    expect(JSON.parse(await readText(refused)).error.code).to.be.a('string')
  })

  it('brings each event when it happens, with the text that plain clients get', async () => {
    const after = await seq()
    const plain = await open(bob, `/stream?after=${after}`, {})
    const compressed = await open(bob, `/stream?after=${after}`, { 'accept-encoding': 'zstd' })
    const text = (stream: Stream): string => stream.text().replace(/^retry: \d+\n/, '')
    for (const body of ['short', 'é🦀'.repeat(1_000), 'two\nlines']) {
      const { id } = (await ann.post('/posts', { body })).json.post
      const event = await compressed.next(body, about(id))
      expect(event.data.post.body).to.equal(body)
      await plain.next(body, about(id))
      expect(text(compressed)).to.equal(text(plain))
    }
  })

  it('replays from the memory of the instance and from the log', async () => {
    const after = await seq()
    await database.query(`
      insert into posts (author_id, body)
      select u.id, 'post ' || n from users u, generate_series(1, 5000) n where u.username = 'ann'`)
    const { id } = (await ann.post('/posts', { body: 'the last' })).json.post
    const stream = await open(bob, '/stream', { 'accept-encoding': 'zstd', 'last-event-id': after })
    await stream.next('the last post', about(id), 20_000)
    const bodies = stream.events
      .filter(({ event }) => event === 'post')
      .map(({ data }) => data.post.body as string)
    expect(bodies).to.deep.equal([...Array.from({ length: 5000 }, (_, n) => `post ${n + 1}`), 'the last'])
  })

  it('gets a reset, and the end of the stream', async () => {
    const headers = { 'accept-encoding': 'zstd', 'last-event-id': '9007199254740993' }
    const stream = await open(bob, '/stream', headers)
    const reset = await stream.next('a reset', ({ event }) => event === 'reset')
    expect(reset.id).to.equal(await seq())
    await bob.post('/logout')
    await stream.ended()
    expect(stream.text()).to.match(/retry: \d{2,3}\n+$/)
  })
})

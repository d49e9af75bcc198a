import { expect } from 'chai'
import { once } from 'node:events'
import { connect } from 'node:net'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/instance.ts'
import { openStream, type TestStream } from '../support/sse.ts'

describe('a stream', () => {
  const database = useDatabase()
  const streams: TestStream[] = []
  /** Where nothing happens. */
  let silent: TestStream
  let one: Instance
  let two: Instance
  let ann: Client, bob: Client, cleo: Client

  before(async () => {
    ;[one, two] = await Promise.all([
      startInstance({ databaseUrl: database.url }),
      startInstance({ databaseUrl: database.url }),
    ])
    ann = await client(one.origin).register('ann')
    bob = await client(two.origin).register('bob')
    cleo = await client(one.origin).register('cleo')
    await bob.post('/users/ann/follow')
    silent = await openStream(`${two.origin}/users/bob/stream`)
  })
  after(() => silent.close())
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close()
  })

  async function open(
    who: Client | null,
    path: string,
    { origin, lastEventId }: { origin?: string; lastEventId?: string } = {},
  ): Promise<TestStream> {
    const headers: Record<string, string> = {}
    if (who) headers.cookie = who.cookie()
    if (lastEventId) headers['last-event-id'] = lastEventId
    const stream = await openStream((origin ?? who?.origin ?? one.origin) + path, { headers })
    streams.push(stream)
    return stream
  }
  async function post(who: Client, body: string): Promise<string> {
    return (await who.post('/posts', { body })).json.post.id
  }
  const about = (id: string) => (event: { data: { post?: { id: string } } }) => event.data?.post?.id === id
  async function seq(who: Client): Promise<string> {
    return (await who.get('/')).json.seq
  }

  it('answers with the headers that proxies and browsers need', async () => {
    const stream = await open(ann, '/stream')
    expect(stream.status).to.equal(200)
    expect(stream.headers.get('content-type')).to.equal('text/event-stream')
    expect(stream.headers.get('cache-control')).to.equal('no-cache, no-transform')
    expect(stream.headers.get('x-accel-buffering')).to.equal('no')
    expect(stream.headers.get('content-encoding')).to.equal(null)
  })

  it('says at once where it starts, and when to come back', async () => {
    const response = await fetch(`${one.origin}/public/stream`)
    const reader = response.body!.getReader()
    const text = new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    const [, retry, id] = /^retry: (\d+)\nid: (\d+)\n\n/.exec(text) ?? []
    expect(Number(retry)).to.be.within(2_000, 8_000)
    expect(id).to.equal(await seq(ann))
  })

  it('moves the cursor of a client that must reload only with the reset, which no broken connection can lose', async () => {
    const response = await fetch(`${one.origin}/public/stream?after=9007199254740993`)
    const reader = response.body!.getReader()
    let text = ''
    while (!text.includes('event: reset')) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    expect(text).to.match(/^retry: \d+\n\nid: \d+\nevent: reset\n/)
  })

  it('brings a follower on another instance the post, and nothing to who is no follower', async () => {
    const follower = await open(bob, '/stream')
    const stranger = await open(cleo, '/stream')
    const id = await post(ann, 'for my followers')
    const event = await follower.next(about(id))
    expect(event).to.include({ event: 'post' })
    expect(event.data).to.include({ action: 'created' })
    expect(event.data.post).to.include({ id, body: 'for my followers' })
    expect(event.data.entries).to.have.length(2)
    const own = await post(cleo, 'my own comes after')
    await stranger.next(about(own))
    expect(stranger.events.filter(about(id))).to.be.empty
  })

  it('carries comments, likes, unlikes, edits and deletes with the whole card', async () => {
    const id = await post(ann, 'hello')
    const stream = await open(bob, '/stream', { lastEventId: await seq(bob) })
    const { comment } = (await cleo.post(`/posts/${id}/comments`, { body: 'hi' })).json
    await cleo.post(`/comments/${comment.id}/edit`, { body: 'hi there' })
    await cleo.post(`/posts/${id}/like`)
    await cleo.post(`/posts/${id}/unlike`)
    await cleo.post(`/comments/${comment.id}/delete`)
    await ann.post(`/posts/${id}/edit`, { body: 'hello again' })
    await ann.post(`/posts/${id}/delete`)
    const told = []
    for (let n = 0; n < 7; n++) told.push(await stream.next(about(id)))
    expect(told.map(({ event, data }) => `${event} ${data.action}`)).to.deep.equal([
      'comment created',
      'comment edited',
      'like added',
      'like removed',
      'comment deleted',
      'post edited',
      'post deleted',
    ])
    expect(told[0]!.data.comment).to.include({ id: comment.id, body: 'hi' })
    expect(told[1]!.data.post.comments[0]).to.include({ body: 'hi there' })
    expect(told[2]!.data).to.deep.include({ user: told[2]!.data.post.likers[0] })
    expect(told[4]!.data.entries).to.deep.include({ feed: told[0]!.data.entries[2].feed, removed: true })
    expect(told[5]!.data.post).to.include({ body: 'hello again', comment_count: 0, like_count: 0 })
    expect(told[6]!.data.post).to.deep.equal({ id })
    const ids = told.map((event) => Number(event.id))
    expect(ids).to.deep.equal([...ids].sort((a, b) => a - b))
  })

  it('brings what a friend liked, and takes it back with the unlike', async () => {
    const id = await post(cleo, 'unknown to bob')
    const follower = await open(bob, '/stream')
    await ann.post(`/posts/${id}/like`)
    const liked = await follower.next(about(id))
    expect(liked.data.entries[0]).to.include({ reason: 'liked' })
    await ann.post(`/posts/${id}/unlike`)
    const gone = await follower.next(about(id))
    expect(gone.data.entries).to.deep.equal([{ feed: liked.data.entries[0].feed, removed: true }])
  })

  it('goes on from Last-Event-ID with all that was missed, in order, once, on any instance', async () => {
    const start = await seq(bob)
    const ids = []
    for (let n = 0; n < 5; n++) ids.push(await post(ann, `missed ${n}`))
    for (const origin of [one.origin, two.origin]) {
      const stream = await open(bob, '/stream', { origin, lastEventId: start })
      const last = await post(ann, 'live')
      await stream.next(about(last))
      const posts = stream.events.filter((event) => event.event === 'post').map((event) => event.data.post.id)
      expect(posts.slice(0, 5)).to.deep.equal(ids)
      expect(new Set(posts).size, 'no event twice').to.equal(posts.length)
    }
  })

  it('goes on from ?after=, which a Last-Event-ID overrules', async () => {
    const start = await seq(bob)
    const first = await post(ann, 'first')
    const middle = await seq(bob)
    const second = await post(ann, 'second')
    const both = await open(bob, `/stream?after=${start}`)
    await both.next(about(second))
    expect(both.events.filter(about(first))).to.have.length(1)
    const late = await open(bob, `/stream?after=${start}`, { lastEventId: middle })
    await late.next(about(second))
    expect(late.events.filter(about(first))).to.be.empty
  })

  it('reaches back further than an instance remembers', async () => {
    const start = await seq(bob)
    await database.query(`
      insert into posts (author_id, body)
      select u.id, 'post ' || n from users u, generate_series(1, 5000) n where u.username = 'ann'`)
    const stream = await open(bob, '/stream', { lastEventId: start })
    const last = await post(ann, 'the last')
    await stream.next(about(last), 20_000)
    const bodies = stream.events
      .filter((event) => event.event === 'post')
      .map((event) => event.data.post.body)
    expect(bodies).to.deep.equal([...Array.from({ length: 5000 }, (_, n) => `post ${n + 1}`), 'the last'])
  })

  it('says reset for a cursor from the future, and for one older than the log', async () => {
    const future = await open(bob, '/stream', { lastEventId: '9223372036854775807' })
    expect((await future.next((event) => event.event === 'reset')).id).to.equal(await seq(bob))
    await database.query('delete from log where seq <= (select max(seq) - 10 from log)')
    // An instance looks at the log's other end twice a second.
    let old = await open(bob, '/stream', { lastEventId: '1' })
    await eventually(async () => {
      if ((await old.next()).event === 'reset') return true
      old = await open(bob, '/stream', { lastEventId: '1' })
      return false
    })
    const id = await post(ann, 'after the reset')
    await old.next(about(id))
    const [{ oldest }] = (await database.query<{ oldest: string }>('select min(seq) as oldest from log')) as [
      { oldest: string },
    ]
    const within = await open(bob, '/stream', { lastEventId: String(Number(oldest) - 1) })
    await within.next(about(id))
    expect(within.events.some((event) => event.event === 'reset')).to.equal(false)
  })

  it('refuses cursors and pages that cannot be', async () => {
    const statuses = await Promise.all(
      [
        'after=abc',
        'after=-1',
        'after=1e3',
        'after=01',
        'with=nonsense',
        'with=posts/x',
        'with=users/no_such_user',
        'with=posts/1%00',
      ].map(async (query) => [query, (await open(bob, `/stream?${query}`)).status]),
    )
    expect(statuses).to.deep.equal([
      ['after=abc', 400],
      ['after=-1', 400],
      ['after=1e3', 400],
      ['after=01', 400],
      ['with=nonsense', 400],
      ['with=posts/x', 404],
      ['with=users/no_such_user', 404],
      ['with=posts/1%00', 404],
    ])
    for (const path of [
      '/users/nobody_here/stream',
      '/posts/999999999/stream',
      '/posts/0/stream',
      '/groups/none/stream',
    ]) {
      expect([path, (await open(null, path)).status]).to.deep.equal([path, 404])
    }
  })

  it('is for who is signed in, where it is of their own feed', async () => {
    expect((await open(null, '/stream')).status).to.equal(401)
    const curl = await fetch(`${one.origin}/stream`, { redirect: 'manual' })
    expect(curl.status).to.equal(401)
    expect((await open(null, '/public/stream')).status).to.equal(200)
  })

  it('turns away other sites', async () => {
    const headers = { cookie: ann.cookie(), 'sec-fetch-site': 'cross-site' }
    const stream = await openStream(`${one.origin}/stream`, { headers })
    expect(stream.status).to.equal(403)
  })

  it('of a person, a post or the public feed brings what happens there', async () => {
    const id = await post(cleo, 'watched')
    const lastEventId = await seq(bob)
    const person = await open(null, '/users/Cleo/stream', { lastEventId })
    const permalink = await open(null, `/posts/${id}/stream`, { lastEventId })
    const everybody = await open(null, '/public/stream', { origin: two.origin, lastEventId })
    const joined = await open(bob, `/stream?with=posts/${id}&with=users/cleo`, { lastEventId })
    const elsewhere = await open(bob, '/stream', { lastEventId })
    await ann.post(`/posts/${id}/comments`, { body: 'seen' })
    for (const stream of [person, permalink, everybody, joined, elsewhere]) await stream.next(about(id))
    const other = await post(cleo, 'another')
    for (const stream of [person, everybody, joined]) await stream.next(about(other))
    const mark = await post(ann, 'a mark for bob')
    await elsewhere.next(about(mark))
    await everybody.next(about(mark))
    expect(elsewhere.events.filter(about(other)), 'bob does not follow cleo').to.be.empty
    expect(joined.events.filter(about(id)), 'by two pages, once').to.have.length(1)
    await cleo.post(`/posts/${id}/like`)
    await permalink.next(about(id))
    expect(permalink.events.filter(about(other))).to.be.empty
  })

  it('follows a follow and an unfollow at once, wherever they are made, with a reset', async () => {
    const stream = await open(bob, '/stream')
    await bob.at(one.origin).post('/users/cleo/follow')
    await stream.next((event) => event.event === 'reset')
    const seen = await post(cleo, 'now followed')
    await stream.next(about(seen))
    await bob.at(one.origin).post('/users/cleo/unfollow')
    await stream.next((event) => event.event === 'reset')
    const unseen = await post(cleo, 'followed no more')
    const mark = await post(ann, 'a mark')
    await stream.next(about(mark))
    expect(stream.events.filter(about(unseen))).to.be.empty
  })

  it('answers reset where the viewer’s subscriptions changed while it was away', async () => {
    const start = await seq(bob)
    await bob.post('/users/cleo/follow')
    const missed = await post(cleo, 'cannot be told as an event')
    // An instance that serves the newest cursor has heard all that came before.
    await open(bob, '/stream', { lastEventId: await seq(bob) })
    const stream = await open(bob, '/stream', { lastEventId: start })
    await stream.next((event) => event.event === 'reset')
    const live = await post(cleo, 'live')
    await stream.next(about(live))
    expect(stream.events.filter(about(missed))).to.be.empty
    await bob.post('/users/cleo/unfollow')
  })

  it('ends with the session, and no other session’s', async () => {
    const here = client(two.origin)
    await here.login('bob')
    const ended = await open(here, '/stream', { origin: one.origin })
    const alive = await open(bob, '/stream')
    await here.post('/logout')
    await ended.closed
    const id = await post(ann, 'who is still here?')
    await alive.next(about(id))
    expect((await open(here, '/stream')).status).to.equal(401)
  })

  it('leaves nothing behind of clients that hang up at once, or ask for the headers only', async () => {
    const streams = async () =>
      Number(/^koafeed_streams (\d+)$/m.exec(await (await fetch(`${one.metricsOrigin}/metrics`)).text())?.[1])
    await eventually(streams, (open) => open === 0)
    const { port } = new URL(one.origin)
    const request = `GET /stream HTTP/1.1\r\nHost: localhost:${port}\r\nCookie: ${ann.cookie()}\r\n\r\n`
    for (let n = 0; n < 50; n++) {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write(request, () => socket.destroy())
      await once(socket, 'close')
    }
    expect((await fetch(`${one.origin}/public/stream`, { method: 'HEAD' })).status).to.equal(200)
    // What came before is done with once a stream that came after is open.
    await open(ann, '/stream')
    await eventually(streams, (open) => open === 1)
  })

  it('brings a row inserted with psql like any other', async () => {
    const stream = await open(bob, '/stream')
    await database.query(
      "insert into posts (author_id, body) select id, 'from psql' from users where username = 'ann'",
    )
    const event = await stream.next((event) => event.event === 'post')
    expect(event.data.post).to.include({ body: 'from psql' })
  })

  it('beats where nothing happens, with a cursor that moves on', async () => {
    const beat = await silent.next((event) => event.event === 'beat', 20_000)
    expect(beat.data).to.deep.equal({})
    expect(Number(beat.id)).to.be.greaterThan(1)
  })

  it('tells a new name to everybody', async () => {
    const stream = await open(cleo, '/stream')
    await database.query("update users set name = 'Ann the First' where username = 'ann'")
    expect((await stream.next((event) => event.event === 'user')).data).to.include({
      username: 'ann',
      name: 'Ann the First',
    })
  })

  it('brings every text unchanged, in one frame', async () => {
    const stream = await open(bob, '/stream')
    const texts = [
      'two\nlines',
      'a\r\nb\rc',
      'u\u2028v\u2029w',
      '</script><b>',
      '{{7*7}} {% x %}',
      'data: x\n\nid: 9',
      '😀'.repeat(5_000),
      ' \u00a0x ',
    ]
    for (const text of texts) {
      const id = await post(ann, text)
      const event = await stream.next(about(id))
      expect(event.data.post.body).to.equal(text)
      expect((await bob.get(`/posts/${id}`)).json.post.body).to.equal(text)
    }
    expect(stream.events.filter((event) => event.event === 'post')).to.have.length(texts.length)
  })

  it('ends in good order with its instance, and says to come back soon', async () => {
    const short = await startInstance({ databaseUrl: database.url })
    const stream = await open(null, '/public/stream', { origin: short.origin })
    expect(await short.kill('SIGTERM')).to.deep.equal({ code: 0, signal: null })
    await stream.closed
    expect(stream.retries.at(-1)).to.be.within(50, 500)
  })
})

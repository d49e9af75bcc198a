import { expect } from 'chai'
import { once } from 'node:events'
import { connect } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance } from '../support/servers/instance.ts'
import { openStream, type TestStream } from '../support/streams/sse.ts'
import { useSite } from '../support/site.ts'

describe('a stream', () => {
  const { database, instances, people } = useSite({ people: ['ann', 'bob', 'cleo'], instances: 2 })
  const { ann, bob, cleo } = people
  const streams: TestStream[] = []
  /** A stream without events. */
  let silent: TestStream

  before(async () => {
    await bob.post('/users/ann/follow')
    silent = await openStream(`${bob.origin}/users/bob/stream`)
  })
  after(() => silent.close())
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close()
  })

  async function open(
    person: Client | null,
    path: string,
    { origin, lastEventId }: { origin?: string; lastEventId?: string } = {},
  ): Promise<TestStream> {
    const headers: Record<string, string> = {}
    if (person) headers.cookie = person.cookie()
    if (lastEventId) headers['last-event-id'] = lastEventId
    const stream = await openStream((origin ?? person?.origin ?? ann.origin) + path, { headers })
    streams.push(stream)
    return stream
  }
  async function post(person: Client, body: string): Promise<string> {
    return (await person.post('/posts', { body })).json.post.id
  }
  const about = (id: string) => (event: { data: { post?: { id: string } } }) => event.data?.post?.id === id
  async function seq(person: Client): Promise<string> {
    return (await person.get('/')).json.seq
  }

  it('has the headers that proxies and browsers need', async () => {
    const stream = await open(ann, '/stream')
    expect(stream.status).to.equal(200)
    expect(stream.headers.get('content-type')).to.equal('text/event-stream')
    expect(stream.headers.get('cache-control')).to.equal('no-cache, no-transform')
    expect(stream.headers.get('x-accel-buffering')).to.equal('no')
    expect(stream.headers.get('content-encoding')).to.equal(null)
    expect(Number(stream.headers.get('x-server-time'))).to.be.closeTo(Date.now(), 5_000)
  })

  it('begins with its cursor and the time after which to reconnect', async () => {
    const response = await fetch(`${ann.origin}/public/stream`)
    const reader = response.body!.getReader()
    const text = new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    const [, retry, id] = /^retry: (\d+)\nid: (\d+)\n\n/.exec(text) ?? []
    expect(Number(retry)).to.be.within(2_000, 8_000)
    expect(id).to.equal(await seq(ann))
  })

  it('sends a client that must reload no id before the reset, so that a broken connection cannot lose it', async () => {
    const response = await fetch(`${ann.origin}/public/stream?after=9007199254740993`)
    const reader = response.body!.getReader()
    let text = ''
    while (!text.includes('event: reset')) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    expect(text).to.match(/^retry: \d+\n+event: reset\nid: \d+\ndata/)
  })

  it('sends a post to a follower on another instance, and not to others', async () => {
    const follower = await open(bob, '/stream')
    const stranger = await open(cleo, '/stream')
    const id = await post(ann, 'for my followers')
    const event = await follower.next(about(id))
    expect(event).to.include({ event: 'post' })
    expect(event.data).to.include({ action: 'created' })
    expect(event.data.post).to.include({ id, body: 'for my followers' })
    expect(event.data.entries).to.have.length(2)
    const own = await post(cleo, 'my own post comes after')
    await stranger.next(about(own))
    expect(stranger.events.filter(about(id))).to.be.empty
  })

  it('sends comments, likes, unlikes, edits and deletions with the complete post', async () => {
    const id = await post(ann, 'hello')
    const stream = await open(bob, '/stream', { lastEventId: await seq(bob) })
    const { comment } = (await cleo.post(`/posts/${id}/comments`, { body: 'hi' })).json
    await cleo.post(`/comments/${comment.id}/edit`, { body: 'hi there' })
    await cleo.post(`/posts/${id}/like`)
    await cleo.post(`/posts/${id}/unlike`)
    await cleo.post(`/comments/${comment.id}/delete`)
    await ann.post(`/posts/${id}/edit`, { body: 'hello again' })
    await ann.post(`/posts/${id}/delete`)
    const received = []
    for (let n = 0; n < 7; n++) received.push(await stream.next(about(id)))
    expect(received.map(({ event, data }) => `${event} ${data.action}`)).to.deep.equal([
      'comment created',
      'comment edited',
      'like added',
      'like removed',
      'comment deleted',
      'post edited',
      'post deleted',
    ])
    expect(received[0]!.data.comment).to.include({ id: comment.id, body: 'hi' })
    expect(received[1]!.data.post.comments[0]).to.include({ body: 'hi there' })
    expect(received[2]!.data).to.deep.include({ user: received[2]!.data.post.likers[0] })
    expect(received[4]!.data.entries).to.deep.include({
      feed: received[0]!.data.entries[2].feed,
      removed: true,
    })
    expect(received[5]!.data.post).to.include({ body: 'hello again', comment_count: 0, like_count: 0 })
    expect(received[6]!.data.post).to.deep.equal({ id })
    const ids = received.map((event) => Number(event.id))
    expect(ids).to.deep.equal([...ids].sort((a, b) => a - b))
  })

  it('adds a post that a followed user likes, and removes it with the unlike', async () => {
    const id = await post(cleo, 'unknown to bob')
    const follower = await open(bob, '/stream')
    await ann.post(`/posts/${id}/like`)
    const liked = await follower.next(about(id))
    expect(liked.data.entries[0]).to.include({ reason: 'liked' })
    await ann.post(`/posts/${id}/unlike`)
    const removed = await follower.next(about(id))
    expect(removed.data.entries).to.deep.equal([{ feed: liked.data.entries[0].feed, removed: true }])
  })

  it('resumes after Last-Event-ID with every missed event, in order, once, on any instance', async () => {
    const start = await seq(bob)
    const ids = []
    for (let n = 0; n < 5; n++) ids.push(await post(ann, `missed ${n}`))
    for (const origin of [ann.origin, bob.origin]) {
      const stream = await open(bob, '/stream', { origin, lastEventId: start })
      const last = await post(ann, 'live')
      await stream.next(about(last))
      const posts = stream.events.filter((event) => event.event === 'post').map((event) => event.data.post.id)
      expect(posts.slice(0, 5)).to.deep.equal(ids)
      expect(new Set(posts).size, 'no event twice').to.equal(posts.length)
    }
  })

  it('resumes after ?after=, unless there is a Last-Event-ID', async () => {
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

  it('replays events that are too old for the memory of an instance', async () => {
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

  it('sends a reset for a cursor in the future, and for one older than the log', async () => {
    const future = await open(bob, '/stream', { lastEventId: '9223372036854775807' })
    expect((await future.next((event) => event.event === 'reset')).id).to.equal(await seq(bob))
    await database.query('delete from log where seq <= (select max(seq) - 10 from log)')
    // An instance reads the oldest number at most once per second.
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

  it('rejects invalid cursors and pages', async () => {
    const statuses = await Promise.all(
      [
        'after=abc',
        'after=-1',
        'after=1e3',
        'after=01',
        'with=nonsense',
        `${'with=public&'.repeat(50)}with=public`,
      ].map(async (query) => [query, (await open(bob, `/stream?${query}`)).status]),
    )
    expect(statuses).to.deep.equal([
      ['after=abc', 400],
      ['after=-1', 400],
      ['after=1e3', 400],
      ['after=01', 400],
      ['with=nonsense', 400],
      [`${'with=public&'.repeat(50)}with=public`, 400],
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

  it('leaves out a page of ?with= that is gone or forbidden, reports it, and sends the events of the others', async () => {
    const deleted = await post(cleo, 'soon deleted')
    const kept = await post(cleo, 'kept')
    await cleo.post('/groups', { name: 'closed', title: 'Closed', visibility: 'private' })
    await cleo.post(`/posts/${deleted}/delete`)
    const gone = [
      `posts/${deleted}`,
      'posts/x',
      'posts/1\0',
      'users/No_Such_User',
      'groups/closed',
      'groups/none',
    ]
    const pages = [`posts/${kept}`, ...gone].map((page) => `with=${encodeURIComponent(page)}`).join('&')
    for (const [person, path] of [
      [bob, '/stream'],
      [null, '/public/stream'],
      [null, `/posts/${kept}/stream`],
    ] as const) {
      const start = await seq(bob)
      const stream = await open(person, `${path}?after=${start}&${pages}`)
      const { id } = (await ann.post(`/posts/${kept}/comments`, { body: 'seen' })).json.comment
      await stream.next(({ data }) => data.comment?.id === id)
      const reports = stream.events.filter(({ event }) => event === 'gone')
      expect(reports.map(({ data }) => data)).to.have.deep.members(gone.map((page) => ({ page })))
      expect(reports.map(({ id }) => id)).to.deep.equal(gone.map(() => start))
    }
  })

  it('reports a page that is gone after the reset, so that a broken connection cannot lose the reset', async () => {
    const stream = await open(bob, '/stream?after=9007199254740993&with=posts/x')
    const first = await stream.next()
    const second = await stream.next()
    expect([first.event, second.event]).to.deep.equal(['reset', 'gone'])
  })

  it('of the home page requires a session, and returns 401 without one', async () => {
    expect((await open(null, '/stream')).status).to.equal(401)
    const curl = await fetch(`${ann.origin}/stream`, { redirect: 'manual' })
    expect(curl.status).to.equal(401)
    expect((await open(null, '/public/stream')).status).to.equal(200)
  })

  it('rejects requests from other sites', async () => {
    const headers = { cookie: ann.cookie(), 'sec-fetch-site': 'cross-site' }
    const stream = await openStream(`${ann.origin}/stream`, { headers })
    expect(stream.status).to.equal(403)
  })

  it('of a user, a post or the public feed sends the events of that page', async () => {
    const id = await post(cleo, 'watched')
    const lastEventId = await seq(bob)
    const person = await open(null, '/users/Cleo/stream', { lastEventId })
    const permalink = await open(null, `/posts/${id}/stream`, { lastEventId })
    const everybody = await open(null, '/public/stream', { origin: bob.origin, lastEventId })
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
    expect(joined.events.filter(about(id)), 'through two pages, once').to.have.length(1)
    await cleo.post(`/posts/${id}/like`)
    await permalink.next(about(id))
    expect(permalink.events.filter(about(other))).to.be.empty
  })

  it('applies a follow and an unfollow on any instance at once, with a reset', async () => {
    const stream = await open(bob, '/stream')
    await bob.at(ann.origin).post('/users/cleo/follow')
    await stream.next((event) => event.event === 'reset')
    const seen = await post(cleo, 'now followed')
    await stream.next(about(seen))
    await bob.at(ann.origin).post('/users/cleo/unfollow')
    await stream.next((event) => event.event === 'reset')
    const unseen = await post(cleo, 'not followed any more')
    const mark = await post(ann, 'a mark')
    await stream.next(about(mark))
    expect(stream.events.filter(about(unseen))).to.be.empty
  })

  it('begins with a reset if the viewer’s subscriptions changed while the client was disconnected', async () => {
    const start = await seq(bob)
    await bob.post('/users/cleo/follow')
    const missed = await post(cleo, 'from before the reset')
    // An instance that serves the newest cursor has all earlier events.
    await open(bob, '/stream', { lastEventId: await seq(bob) })
    const stream = await open(bob, '/stream', { lastEventId: start })
    await stream.next((event) => event.event === 'reset')
    const live = await post(cleo, 'live')
    await stream.next(about(live))
    expect(stream.events.filter(about(missed))).to.be.empty
    await bob.post('/users/cleo/unfollow')
  })

  it('ends with its session, and not with another session', async () => {
    const here = client(bob.origin)
    await here.login('bob')
    const ended = await open(here, '/stream', { origin: ann.origin })
    const alive = await open(bob, '/stream')
    await here.post('/logout')
    await ended.closed
    const id = await post(ann, 'after the sign-out')
    await alive.next(about(id))
    expect((await open(here, '/stream')).status).to.equal(401)
  })

  it('is not counted any more after a client disconnects at once, or after a HEAD request', async () => {
    const streams = async () =>
      Number(
        /^koafeed_streams (\d+)$/m.exec(
          await (await fetch(`${instances[0]!.metricsOrigin}/metrics`)).text(),
        )?.[1],
      )
    await eventually(streams, (open) => open === 0)
    const { port } = new URL(ann.origin)
    const request = `GET /stream HTTP/1.1\r\nHost: localhost:${port}\r\nCookie: ${ann.cookie()}\r\n\r\n`
    for (let n = 0; n < 50; n++) {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write(request, () => socket.destroy())
      await once(socket, 'close')
    }
    expect((await fetch(`${ann.origin}/public/stream`, { method: 'HEAD' })).status).to.equal(200)
    // Once a later stream is open, the earlier requests are finished.
    await open(ann, '/stream')
    await eventually(streams, (open) => open === 1)
  })

  it('sends a row inserted with psql like any other', async () => {
    const stream = await open(bob, '/stream')
    await database.query(
      "insert into posts (author_id, body) select id, 'from psql' from users where username = 'ann'",
    )
    const event = await stream.next((event) => event.event === 'post')
    expect(event.data.post).to.include({ body: 'from psql' })
  })

  it('sends a beat with a newer cursor when there are no events', async () => {
    const beat = await silent.next((event) => event.event === 'beat', 20_000)
    expect(beat.data).to.deep.equal({})
    expect(Number(beat.id)).to.be.greaterThan(1)
  })

  it('sends a new name to everyone', async () => {
    const stream = await open(cleo, '/stream')
    await database.query("update users set name = 'Ann the First' where username = 'ann'")
    expect((await stream.next((event) => event.event === 'user')).data).to.include({
      username: 'ann',
      name: 'Ann the First',
    })
  })

  it('sends every text unchanged, in one event', async () => {
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

  it('ends cleanly with its instance, and asks the client to reconnect soon', async () => {
    const short = await startInstance({ databaseUrl: database.url })
    const stream = await open(null, '/public/stream', { origin: short.origin })
    expect(await short.kill('SIGTERM')).to.deep.equal({ code: 0, signal: null })
    await stream.closed
    expect(stream.retries.at(-1)).to.be.within(50, 500)
  })
})

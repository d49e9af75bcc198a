import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { insertUsers } from '../support/people.ts'
import { signIn, startStreamLayer, type StreamLayer } from '../support/streams/stream-layer.ts'
import type { TestStream } from '../support/streams/sse.ts'

describe('a home stream of Bob', () => {
  const database = useDatabase()
  let layer: StreamLayer

  before(async () => {
    layer = await startStreamLayer(database.url)
    await insertUsers(layer.db, ['ann', 'bob'])
    layer.viewer = await signIn(database, '2')
  })
  after(() => layer.close())
  beforeEach(async () => {
    layer.hooks.beforeSync = layer.hooks.afterAuthorize = async () => {}
    await layer.relayAll()
  })
  afterEach(() => layer.disconnect())

  const open = (query = ''): Promise<TestStream> => layer.open(`/stream${query}`)

  describe('that opens while he unfollows Ann', () => {
    beforeEach(async () => {
      await database.query(
        'insert into subscriptions (user_id, feed_id) select 2, feed_id from users where id = 1',
      )
      await layer.relayAll()
    })

    async function unfollow(): Promise<void> {
      await database.query(
        'delete from subscriptions where user_id = 2 and feed_id = (select feed_id from users where id = 1)',
      )
    }
    /** Ann posts, then Bob. Returns the author of the first post that Bob receives. */
    async function nextAuthor(stream: TestStream): Promise<string> {
      await database.query("insert into posts (author_id, body) values (1, 'hello'), (2, 'hello')")
      await layer.relayAll()
      const { data } = await stream.next(({ event }) => event === 'post')
      stream.close()
      return data.post.author.username
    }

    it('does not show her posts, even if the cursor is the number of the unfollow', async () => {
      layer.hooks.beforeSync = unfollow
      const stream = await open(`?after=${layer.hub.position() + 1}`)
      expect(await nextAuthor(stream)).to.equal('bob')
    })

    it('does not show her posts, even if the rights were read before', async () => {
      layer.hooks.afterAuthorize = async () => {
        layer.hooks.afterAuthorize = async () => {}
        await unfollow()
        await layer.relayAll()
      }
      const stream = await open()
      expect(await nextAuthor(stream)).to.equal('bob')
    })
  })

  it('ends at once if the instance begins to drain while the rights are being read', async () => {
    layer.hooks.afterAuthorize = async () => {
      layer.isDraining = true
    }
    const stream = await open()
    layer.isDraining = false
    await stream.closed
    expect(stream.status).to.equal(200)
    expect(stream.retries.at(-1)).to.be.within(50, 500)
  })

  describe('sends a reset and ends if the log goes back', () => {
    async function expectResetAndEnd(stream: TestStream): Promise<void> {
      expect(await stream.next()).to.include({ event: 'reset', id: '0' })
      await stream.closed
      expect(stream.retries.at(-1)).to.be.within(50, 500)
    }

    it('while it is live', async () => {
      const stream = await open()
      await stream.opened
      layer.hub.reset(0)
      await expectResetAndEnd(stream)
    })

    it('before it is open: then it opens with a reset, because its cursor is lost', async () => {
      const cursor = layer.hub.position()
      layer.hooks.afterAuthorize = async () => {
        layer.hooks.afterAuthorize = async () => {}
        await database.query('delete from log')
        await database.query('delete from rights')
        layer.hub.reset(0)
      }
      expect(await (await open(`?after=${cursor}`)).next()).to.include({ event: 'reset', id: '0' })
    })

    it('while it sends 8 MB of missed events', async () => {
      const { hub } = layer
      const start = hub.position()
      await eventually(() => hub.size() === 0)
      for (let n = 1; n <= 80; n++) {
        hub.relay({ seq: start + n, event: 'user', topics: ['all'], payload: { name: 'x'.repeat(100_000) } })
      }
      const client = await new Promise<IncomingMessage>((resolve, reject) => {
        get(layer.address(`/stream?after=${start}`), resolve).on('error', reject)
      })
      await eventually(() => hub.size() === 1)
      hub.reset(0)
      expect((await text(client)).slice(-100)).to.match(
        /\n\nevent: reset\nid: 0\ndata: {}\n\nretry: \d{2,3}\n+$/,
      )
    })
  })

  describe('on an instance that cannot read the log', () => {
    it('is refused until the instance has read that Bob follows Ann, and then starts after that change', async () => {
      await database.query("insert into posts (author_id, body) values (1, 'before')")
      const [{ seq }] = (await database.query<{ seq: string }>(
        `with followed as (
         insert into subscriptions (user_id, feed_id) select 2, feed_id from users where id = 1 returning feed_id
       )
       select last_value + 1 as seq from log_seq, followed`,
      )) as [{ seq: string }]
      layer.hooks.beforeSync = () => Promise.reject(new Error('the log cannot be read'))
      expect((await open(`?after=${seq}`)).status).to.equal(503)
      layer.hooks.beforeSync = async () => {}
      const stream = await open(`?after=${Number(seq) - 1}`)
      await stream.next(({ event }) => event === 'reset')
      await database.query("insert into posts (author_id, body) values (2, 'after')")
      await layer.relayAll()
      const { data } = await stream.next(({ event }) => event === 'post')
      expect(data.post.body).to.equal('after')
    })
  })
})

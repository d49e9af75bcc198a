import { expect } from 'chai'
import { eventually } from '../../support/eventually.ts'
import { useDatabase } from '../../support/database.ts'
import { insertUsers } from '../../support/people.ts'
import { signIn, startStreamLayer, type StreamLayer } from '../../support/streams/stream-layer.ts'
import type { StreamEvent, TestStream } from '../../support/streams/sse.ts'

const FOREIGN_ROWS = 60_000

describe('a replay from an old cursor', () => {
  const database = useDatabase()
  let layer: StreamLayer

  before(async () => {
    layer = await startStreamLayer(database.url)
    await insertUsers(layer.db, ['ann', 'bob', 'cleo'])
    await database.query(`
      insert into subscriptions (user_id, feed_id) select 2, feed_id from users where username = 'ann'`)
    layer.viewer = await signIn(database, '2')
  })
  after(() => layer.close())
  afterEach(() => layer.disconnect())

  async function write(author: string, body: string): Promise<void> {
    await database.query('insert into posts (author_id, body) select id, $2 from users where username = $1', [
      author,
      body,
    ])
  }
  async function newest(): Promise<number> {
    const [row] = await database.query<{ seq: number }>('select max(seq)::float8 as seq from log')
    return row!.seq
  }
  const withBody =
    (body: string) =>
    ({ data }: StreamEvent): boolean =>
      data?.post?.body === body

  /** Writes events without subscribers, more than the ring keeps. */
  async function writeForeignRows(count = FOREIGN_ROWS): Promise<void> {
    await database.query(
      `insert into log (seq, event, topics, payload)
       select nextval('log_seq'), 'like', array['feed:999' || n % 7, 'post:999' || n], '{"post": {"id": "0"}}'
       from generate_series(1, $1::int) n`,
      [count],
    )
  }

  describe('past many events of others', () => {
    let cursor: number
    before(async () => {
      cursor = await newest()
      await write('ann', 'early')
      await writeForeignRows()
      await write('ann', 'late')
      await layer.relayAll()
      expect(layer.hub.recentFloor(), 'floor of the ring').to.be.above(cursor + FOREIGN_ROWS / 2)
    })

    it('sends each event once, and reads the log once for all streams, with at most two reads at the same time', async () => {
      const streams = await Promise.all(
        Array.from({ length: 40 }, () => layer.open(`/stream?after=${cursor}`)),
      )
      for (const stream of streams) {
        await stream.next(withBody('late'))
        const bodies = stream.events.filter(({ event }) => event === 'post').map(({ data }) => data.post.body)
        expect(bodies).to.deep.equal(['early', 'late'])
      }
      const blocks = Math.ceil(FOREIGN_ROWS / 16_384) + 1
      expect(layer.reads.topics, 'reads of topics').to.be.at.most(blocks)
      expect(layer.reads.frames, 'reads of rows').to.be.at.most(2)
      expect(layer.reads.concurrent).to.be.within(1, 2)
    })

    it('begins with a reset if the cursor is too old for a replay', async () => {
      const [{ seq: before }] = (await database.query<{ seq: string }>(
        `select nextval('log_seq') as seq`,
      )) as [{ seq: string }]
      await database.query(`select setval('log_seq', $1::bigint + 2000000)`, [before])
      await write('ann', 'far away')
      await layer.relayAll()
      const far = await layer.open(`/stream?after=${cursor}`)
      expect(await far.next()).to.include({ event: 'reset', id: String(await newest()) })
      const near = await layer.open(`/stream?after=${Number(before) + 10}`)
      await near.next(withBody('far away'))
      expect(near.events.map(({ event }) => event)).to.deep.equal(['post'])
    })
  })

  describe('during which a right is lost and the unread rows are trimmed', () => {
    let released: PromiseWithResolvers<void>
    beforeEach(() => {
      released = Promise.withResolvers()
      layer.hooks.beforeReadTopics = () => released.promise
    })
    afterEach(() => {
      layer.hooks.beforeReadTopics = async () => {}
    })

    /** Opens a stream whose replay waits, calls `lose`, trims the log, and lets the replay continue. */
    async function openAndLose(path: string, lose: () => Promise<unknown>): Promise<TestStream> {
      const cursor = await newest()
      await writeForeignRows(10_000)
      await layer.relayAll()
      const reads = layer.reads.topics
      const stream = await layer.open(`${path}?after=${cursor}`)
      await eventually(() => layer.reads.topics > reads)
      await lose()
      await layer.relayAll()
      await database.query('delete from log where seq < (select max(seq) from log)')
      released.resolve()
      return stream
    }
    async function expectNothingMore(stream: TestStream, secret: string): Promise<void> {
      await layer.relayAll()
      await stream.closed
      expect(stream.events.filter(withBody(secret))).to.deep.equal([])
    }

    it('shows no post after an unfollow, and sends a reset when the client reconnects', async () => {
      const stream = await openAndLose('/stream', () =>
        database.query(
          'delete from subscriptions where user_id = 2 and feed_id = (select feed_id from users where id = 1)',
        ),
      )
      await write('ann', 'after the unfollow')
      await expectNothingMore(stream, 'after the unfollow')
      const again = await layer.open(`/stream?after=${stream.lastId()}`)
      expect((await again.next()).event).to.equal('reset')
      await write('bob', 'my own')
      await layer.relayAll()
      await again.next(withBody('my own'))
      expect(again.events.filter(withBody('after the unfollow'))).to.deep.equal([])
    })

    it('shows no post of a private group after a removal', async () => {
      await database.query(
        `insert into groups (name, title, visibility) values ('walks', 'Walks', 'private')`,
      )
      await database.query(`
        insert into subscriptions (user_id, feed_id)
        select u.id, g.feed_id from users u, groups g where u.username in ('bob', 'cleo') and g.name = 'walks'`)
      const stream = await openAndLose('/groups/walks/stream', () =>
        database.query(
          `delete from subscriptions where user_id = 2 and feed_id = (select feed_id from groups where name = 'walks')`,
        ),
      )
      await database.query(`
        insert into posts (author_id, group_id, body)
        select u.id, g.id, 'for members' from users u, groups g where u.username = 'cleo'`)
      await expectNothingMore(stream, 'for members')
      expect((await layer.open('/groups/walks/stream')).status).to.equal(404)
    })

    it('ends with the session', async () => {
      const stream = await openAndLose('/stream', () => database.query(`delete from sessions`))
      await write('bob', 'after the sign-out')
      await expectNothingMore(stream, 'after the sign-out')
      layer.viewer = await signIn(database, '2')
    })
  })
})

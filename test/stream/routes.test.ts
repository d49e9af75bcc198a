import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import Koa from 'koa'
import { pino } from 'pino'
import { systemClock } from '../../src/lib/clock.ts'
import { createDb, type DatabasePool } from '../../src/lib/db.ts'
import type { VisitContext, VisitState } from '../../src/lib/visit.ts'
import { createConnectionLimit } from '../../src/stream/connection-limit.ts'
import { createLogReader } from '../../src/stream/log.ts'
import { authorize, type Wanted } from '../../src/stream/rights.ts'
import { streamRoutes } from '../../src/stream/routes.ts'
import type { Hub } from '../../src/stream/hub.ts'
import { createCore } from '../../src/stream/streaming.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { insertUsers } from '../support/people.ts'
import { openStream, type TestStream } from '../support/sse.ts'

describe('a stream of Bob’s home', () => {
  const database = useDatabase()
  let hub: Hub
  let db: DatabasePool
  let server: Server
  /** What happens before the instance reads the log, and once it has read Bob’s rights. */
  let beforeSync: () => Promise<void>
  let afterRights: () => Promise<void>

  /** This instance hears nothing: it learns of an event when it reads the log. */
  async function readOn(): Promise<void> {
    for (const row of await createLogReader(db).readFrom(hub.position() + 1, 100)) hub.relay(row)
  }

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    await insertUsers(db, ['ann', 'bob'])
    const reader = createLogReader(db)
    const core = createCore({
      openChannel: () => ({
        open: async () => {},
        close: async () => {},
        listening: () => true,
        retry: () => {},
        reconnects: () => 0,
      }),
      reader,
      replayReader: reader,
      clock: systemClock,
      log: pino({ level: 'silent' }),
    })
    hub = core.hub
    const routes = streamRoutes({
      ...core,
      newest: hub.position,
      connectionLimit: createConnectionLimit('off'),
      isDraining: () => false,
      identify: async () => ({ id: '2', session: '' }),
      async sync() {
        await beforeSync()
        await readOn()
      },
      async authorize(wanted: Wanted) {
        const [authorized] = await authorize(db, [wanted])
        await afterRights()
        return authorized ? { ...authorized, isSessionAlive: true } : null
      },
    })
    const app = new Koa<VisitState, VisitContext>().use(routes.middleware() as Koa.Middleware)
    server = createServer(app.callback()).listen(0)
    await once(server, 'listening')
  })
  after(async () => {
    server.close()
    await db.end()
  })
  beforeEach(async () => {
    beforeSync = afterRights = async () => {}
    await readOn()
  })
  afterEach(() => server.closeAllConnections())

  const address = (query: string): string =>
    `http://localhost:${(server.address() as AddressInfo).port}/stream${query}`
  const open = (query = ''): Promise<TestStream> => openStream(address(query))

  describe('that opens while he unfollows Ann', () => {
    beforeEach(async () => {
      await database.query(
        'insert into subscriptions (user_id, feed_id) select 2, feed_id from users where id = 1',
      )
      await readOn()
    })

    async function unfollow(): Promise<void> {
      await database.query(
        'delete from subscriptions where user_id = 2 and feed_id = (select feed_id from users where id = 1)',
      )
    }
    /** Ann writes, then Bob: whose post does Bob get? */
    async function nextAuthor(stream: TestStream): Promise<string> {
      await database.query("insert into posts (author_id, body) values (1, 'hello'), (2, 'hello')")
      await readOn()
      const { data } = await stream.next(({ event }) => event === 'post')
      stream.close()
      return data.post.author.username
    }

    it('shows no more of her, though his cursor is the guessed number of that very event', async () => {
      beforeSync = unfollow
      const stream = await open(`?after=${hub.position() + 1}`)
      expect(await nextAuthor(stream)).to.equal('bob')
    })

    it('shows no more of her, though his rights were read before', async () => {
      afterRights = async () => {
        await unfollow()
        await readOn()
      }
      const stream = await open()
      expect(await nextAuthor(stream)).to.equal('bob')
    })
  })

  describe('says reset and ends where the database goes back', () => {
    async function expectResetAndEnd(stream: TestStream): Promise<void> {
      expect(await stream.next()).to.include({ event: 'reset', id: '0' })
      await stream.closed
      expect(stream.retries.at(-1)).to.be.within(50, 500)
    }

    it('once it is live', async () => {
      const stream = await open()
      await stream.opened
      hub.reset(0)
      await expectResetAndEnd(stream)
    })

    it('before it is open: it opens with a reset, because its cursor is gone', async () => {
      const cursor = hub.position()
      afterRights = async () => {
        afterRights = async () => {}
        await database.query('delete from log')
        hub.reset(0)
      }
      expect(await (await open(`?after=${cursor}`)).next()).to.include({ event: 'reset', id: '0' })
    })

    it('while it still brings what was missed, 8 MB', async () => {
      const start = hub.position()
      await eventually(() => hub.size() === 0)
      for (let n = 1; n <= 80; n++) {
        hub.relay({ seq: start + n, event: 'user', topics: ['all'], payload: { name: 'x'.repeat(100_000) } })
      }
      const client = await new Promise<IncomingMessage>((resolve, reject) => {
        get(address(`?after=${start}`), resolve).on('error', reject)
      })
      await eventually(() => hub.size() === 1)
      hub.reset(0)
      expect((await text(client)).slice(-100)).to.match(
        /\n\nid: 0\nevent: reset\ndata: {}\n\nretry: \d{2,3}\n\n$/,
      )
    })
  })
})

import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { pino } from 'pino'
import { systemClock } from '../../src/lib/clock.ts'
import { createDb, type DatabasePool } from '../../src/db/pool.ts'
import { Backlog } from '../../src/stream/clients/backlog.ts'
import { createConnection, type Connection } from '../../src/stream/clients/connection.ts'
import { toBlock } from '../../src/stream/encoding/block.ts'
import { createStreamCounts } from '../../src/stream/metrics.ts'
import { createEndlessResponse } from '../../src/web/http-server/endless-response.ts'
import { createHub } from '../../src/stream/relay/hub.ts'
import { startLifecycle, type Lifecycle } from '../../src/stream/lifecycle.ts'
import { createSubscriber, type Subscriber } from '../../src/stream/clients/subscriber.ts'
import { findActiveSessions } from '../../src/users/sessions.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { serveLocally, type LocalServer } from '../support/servers/local-server.ts'
import { insertUsers } from '../support/people.ts'

const STALLED_AFTER_MS = 500
const FRAME = toBlock('x'.repeat(32 * 1024))

describe('the lifecycle of streams', () => {
  const database = useDatabase()
  const hub = createHub()
  let db: DatabasePool
  let lifecycle: Lifecycle
  let server: LocalServer

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    await insertUsers(db, ['ann'])
    // The path of a request is the session id.
    server = await serveLocally(({ url = '' }, response) => {
      const connection = createConnection(createEndlessResponse(response), 'identity', {
        backlog: new Backlog(Infinity),
        counts: createStreamCounts(),
      })
      connection.onClose(() => hub.remove(subscriber))
      const rights = { feeds: [], pages: [], guarded: false, changedAt: 0 }
      const viewer = { id: '1', session: url.slice(1) }
      const subscriber = createSubscriber(connection, viewer, false, hub.signals)
      hub.add(subscriber)
      subscriber.start(rights, 0)
      connection.open()
      connection.write(toBlock(': open\n\n'))
    })
    const activeSessions = (hashes: string[]) => findActiveSessions(db, hashes)
    const log = pino({ level: 'silent' })
    lifecycle = startLifecycle({
      hub,
      findActiveSessions: activeSessions,
      log,
      recheckEveryMs: 50,
      stalledAfterMs: STALLED_AFTER_MS,
    })
  })
  after(async () => {
    lifecycle.stop()
    server.close()
    await db.end()
  })

  const connectionOf = (session: string): Connection =>
    [...hub.subscribers()].find(({ viewer }) => viewer?.session === session)!.connection

  it('ends the stream of a session that expires, and no other stream', async () => {
    await database.query(`
      insert into sessions (id_hash, user_id, expires_at)
      values ('\\xaa', 1, now() + interval '1 day'), ('\\xbb', 1, now() + interval '1 day')`)
    const [expiring, lasting] = await Promise.all(['/aa', '/bb'].map(server.open))
    expect(hub.size()).to.equal(2)
    await database.query(
      `update sessions set expires_at = now() - interval '1 second' where id_hash = '\\xaa'`,
    )
    expect(await text(expiring!)).to.match(/^: open\n\nretry: \d+\n+$/)
    expect([...hub.subscribers()].map(({ viewer }) => viewer?.session)).to.deep.equal(['bb'])
    lasting!.destroy()
  })

  it('disconnects a client that reads nothing, and not one that reads slowly', async () => {
    await database.query(`
      insert into sessions (id_hash, user_id, expires_at)
      values ('\\xcc', 1, now() + interval '1 day'), ('\\xdd', 1, now() + interval '1 day')`)
    const [stalled, slow] = await Promise.all(['/cc', '/dd'].map(server.open))
    const [toStalled, toSlow] = ['cc', 'dd'].map(connectionOf)
    for (let n = 0; n < 30; n++) for (const connection of [toStalled, toSlow]) connection!.write(FRAME)
    // Writes as much as the client reads, so that some bytes always wait.
    await eventually(() => {
      if (slow!.read(FRAME.length) !== null) toSlow!.write(FRAME)
      toStalled!.write(toBlock(': more\n\n'))
      return toStalled!.closed()
    })
    expect(toSlow!.closed()).to.equal(false)
    expect(await text(stalled!)).not.to.contain(': more')
    slow!.destroy()
  })

  it('sends a stream that is replaying a beat with its own cursor, not that of the hub', async () => {
    await database.query(`
      insert into sessions (id_hash, user_id, expires_at) values ('\\xff', 1, now() + interval '1 day')`)
    const stream = await server.open('/ff')
    const replaying = [...hub.subscribers()].find(({ viewer }) => viewer?.session === 'ff')!
    replaying.skipTo(7)
    expect(hub.position()).to.equal(0)
    hub.relay({ seq: 1_000, event: 'user', topics: [], payload: {} })
    // Time runs 20 times as fast for this lifecycle.
    const clock = { ...systemClock, now: () => performance.now() * 20 }
    const idleFor = () => replaying.connection.idleFor() * 20
    const connection = Object.assign(Object.create(replaying.connection), { idleFor }) as Connection
    const accelerated = Object.assign(Object.create(replaying), { connection }) as Subscriber
    const fast = startLifecycle({
      hub: { ...hub, subscribers: () => [accelerated] },
      findActiveSessions: async (hashes) => new Set(hashes),
      log: pino({ level: 'silent' }),
      clock,
    })
    let sent = ''
    stream.on('data', (bytes: Buffer) => (sent += bytes.toString()))
    await eventually(() => sent.includes('event: beat\nid: 7\n'))
    expect(sent).not.to.contain('1000')
    fast.stop()
    stream.destroy()
  })

  it('spreads over ten ticks the beats of streams that have been silent since the same moment', async () => {
    await database.query(`
      insert into sessions (id_hash, user_id, expires_at) values ('\\x11', 1, now() + interval '1 day')`)
    const stream = await server.open('/11')
    const silent = [...hub.subscribers()].find(({ viewer }) => viewer?.session === '11')!
    const connection = Object.assign(Object.create(silent.connection), {
      idleFor: () => 60_000,
    }) as Connection
    const beats: number[] = []
    const beat = () => void beats.push(ticks)
    // One stream stands for 20.
    const all = Array.from({ length: 20 }, () => Object.assign(Object.create(silent), { connection, beat }))
    let ticks = 0
    const runs: (() => void)[] = []
    const every = (_: number, run: () => void) => {
      runs.push(run)
      return () => {}
    }
    startLifecycle({
      hub: { ...hub, subscribers: () => all as Subscriber[] },
      findActiveSessions: async (hashes) => new Set(hashes),
      log: pino({ level: 'silent' }),
      clock: { ...systemClock, every },
    })
    for (; ticks < 10; ticks++) runs[0]!()
    expect(beats).to.deep.equal(Array.from({ length: 20 }, (_, n) => Math.floor(n / 2)))
    stream.destroy()
  })

  it('ends a stream cleanly at its maximum age', async () => {
    await database.query(`
      insert into sessions (id_hash, user_id, expires_at) values ('\\xee', 1, now() + interval '1 day')`)
    const stream = await server.open('/ee')
    const strict = startLifecycle({
      hub,
      findActiveSessions: async (hashes) => new Set(hashes),
      log: pino({ level: 'silent' }),
      maxAgeMs: [0, 1],
    })
    expect(await text(stream)).to.match(/^: open\n\nretry: \d{2,3}\n+$/)
    strict.stop()
  })
})

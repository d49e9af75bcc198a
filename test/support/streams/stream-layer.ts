import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { pino } from 'pino'
import { systemClock } from '../../../src/lib/clock.ts'
import { createDb, type DatabasePool } from '../../../src/db/pool.ts'
import type { ContextExtension, ContextState } from '../../../src/web/context.ts'
import { Backlog } from '../../../src/stream/clients/backlog.ts'
import { createConnectionLimit } from '../../../src/stream/clients/connection-limit.ts'
import type { Hub } from '../../../src/stream/relay/hub.ts'
import { createLogReader, type LogReader } from '../../../src/stream/log/reader.ts'
import { authorize, type Wanted } from '../../../src/stream/rights.ts'
import { streamRoutes } from '../../../src/stream/routes.ts'
import type { Viewer } from '../../../src/stream/clients/subscriber.ts'
import { createCore } from '../../../src/stream/streaming.ts'
import type { TestDatabase } from '../database.ts'
import { openStream, type TestStream } from './sse.ts'

/** The stream layer on a real database and real HTTP, without LISTEN: it relays when the test calls `relayAll`. */
export interface StreamLayer {
  hub: Hub
  db: DatabasePool
  /** Called before or after these steps; the step waits for the returned promise. */
  hooks: {
    beforeSync(): Promise<void>
    afterAuthorize(): Promise<void>
    beforeReadTopics(): Promise<void>
    afterReadFrames(): Promise<void>
  }
  /** Counts each kind of read, and the most replay reads that ran at the same time. */
  reads: { topics: number; frames: number; concurrent: number }
  viewer: Viewer | null
  isDraining: boolean
  /** Relays the events of the log after the hub's position. */
  relayAll(): Promise<void>
  address(path: string): string
  open(path: string): Promise<TestStream>
  /** Closes the streams that are open. */
  disconnect(): void
  close(): Promise<void>
}

export async function startStreamLayer(databaseUrl: string): Promise<StreamLayer> {
  const db = await createDb(databaseUrl, { applicationName: 'test' })
  const reader = createLogReader(db)
  const nothing = async (): Promise<void> => {}
  const hooks = {
    beforeSync: nothing,
    afterAuthorize: nothing,
    beforeReadTopics: nothing,
    afterReadFrames: nothing,
  }
  const reads = { topics: 0, frames: 0, concurrent: 0 }
  let running = 0
  async function counted<T>(kind: 'topics' | 'frames', read: () => Promise<T>): Promise<T> {
    reads[kind] += 1
    running += 1
    reads.concurrent = Math.max(reads.concurrent, running)
    try {
      return await read()
    } finally {
      running -= 1
    }
  }
  const replayReader: LogReader = {
    ...reader,
    readTopics: (...range) =>
      counted('topics', async () => {
        await hooks.beforeReadTopics()
        return reader.readTopics(...range)
      }),
    readFrames: (seqs) =>
      counted('frames', async () => {
        const frames = await reader.readFrames(seqs)
        await hooks.afterReadFrames()
        return frames
      }),
  }
  const core = createCore({
    openChannel: () => ({
      open: nothing,
      close: nothing,
      listening: () => true,
      retry: () => {},
      reconnects: () => 0,
    }),
    reader,
    replayReader,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  })
  const { hub } = core
  const layer = { hub, db, hooks, reads, viewer: null as Viewer | null, isDraining: false }

  async function relayAll(): Promise<void> {
    const rows = await reader.readFrom(hub.position() + 1, 1_000)
    for (const row of rows) hub.relay(row)
    if (rows.length === 1_000) await relayAll()
  }

  const routes = streamRoutes({
    ...core,
    backlog: new Backlog(Infinity),
    newest: hub.position,
    connectionLimit: createConnectionLimit('off'),
    isDraining: () => layer.isDraining,
    identify: async () => layer.viewer,
    async sync() {
      try {
        await hooks.beforeSync()
        await relayAll()
      } catch {
        // Like the listener's `sync`, it never rejects.
      }
    },
    async authorize(wanted: Wanted) {
      const [authorized] = await authorize(db, [wanted])
      await hooks.afterAuthorize()
      return authorized!
    },
  })
  const app = new Koa<ContextState, ContextExtension>().use(routes.middleware() as Koa.Middleware)
  const server = createServer(app.callback()).listen(0)
  await once(server, 'listening')
  const address = (path: string): string =>
    `http://localhost:${(server.address() as AddressInfo).port}${path}`
  function disconnect(): void {
    for (const { connection } of hub.subscribers()) connection.destroy()
    server.closeAllConnections()
  }
  return Object.assign(layer, {
    relayAll,
    address,
    open: (path: string) => openStream(address(path)),
    disconnect,
    async close() {
      disconnect()
      server.close()
      await db.end()
    },
  })
}

/** Creates a session for this user. */
export async function signIn(database: TestDatabase, id: string): Promise<Viewer> {
  const session = id.padStart(4, '0')
  await database.query(
    `insert into sessions (id_hash, user_id, expires_at) values (decode($1, 'hex'), $2, now() + interval '1 day')`,
    [session, id],
  )
  return { id, session }
}

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createApp } from '../../src/app.ts'
import { createCaches } from '../../src/caches/caches.ts'
import { createDb, type DatabasePool } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { createLog } from '../../src/lib/log.ts'
import { createLogReader } from '../../src/stream/log/reader.ts'
import { createAssets } from '../../src/web/static/asset-urls.ts'
import { createRenderer } from '../../src/web/rendering/render.ts'

/** One instance in the process of the test. Its caches follow the log when the test says so, or when a page needs it. */
export interface AppLab {
  origin: string
  /** False: the instance has not read the log lately. */
  isFresh: boolean
  /** Accepts all events of the log. */
  follow(): Promise<void>
  /** Returns how many statements the requests of `work` send to the database. */
  countStatements(work: () => Promise<unknown>): Promise<number>
  close(): Promise<void>
}

export async function createAppLab(databaseUrl: string): Promise<AppLab> {
  const db = await createDb(databaseUrl, { applicationName: 'test' })
  const logDb = await createDb(databaseUrl, { applicationName: 'test' })
  const reader = createLogReader(logDb)
  let statements = 0
  const counted = countCalls(db, () => (statements += 1))
  const caches = createCaches({
    db: counted,
    sync: () => lab.follow(),
    isCurrent: () => true,
    isFresh: () => lab.isFresh,
  })
  const assets = createAssets(join(import.meta.dirname, '../../static/build'))
  const app = createApp({
    db: counted,
    write: createWrite(counted),
    caches,
    assets,
    render: createRenderer({ assets, siteName: 'KoaFeed' }),
    config: {
      siteName: 'KoaFeed',
      publicOrigin: null,
      sessionKeys: ['a key for tests'],
      trustedProxies: 0,
      limits: 'off',
      compression: true,
    },
    log: createLog({ logLevel: 'silent', instanceName: 'lab' }),
    health: { isStarted: () => true, ready: () => ({ ok: true, why: [] }) },
  })
  const server = createServer(app.callback()).listen(0)
  await once(server, 'listening')
  const lab: AppLab = {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    isFresh: true,
    async follow() {
      for (const row of await reader.readFrom(caches.position.seq() + 1, 1_000)) {
        if (row.seq > caches.position.seq()) caches.observer.accept(row)
      }
    },
    async countStatements(work) {
      const before = statements
      await work()
      return statements - before
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await Promise.all([db.end(), logDb.end()])
    },
  }
  caches.observer.reset((await reader.readNewest(1))[0]?.seq ?? 0)
  return lab
}

const METHODS = [
  'any',
  'anyFirst',
  'exists',
  'maybeOne',
  'maybeOneFirst',
  'one',
  'oneFirst',
  'query',
] as const

function countCalls(pool: DatabasePool, count: () => void): DatabasePool {
  type Method = (...given: unknown[]) => Promise<unknown>
  const methods = [...METHODS, 'connect'].map((name): [string, Method] => [
    name,
    (...given) => {
      count()
      return (pool[name as 'any'] as unknown as Method)(...given)
    },
  ])
  return { ...pool, ...Object.fromEntries(methods) }
}

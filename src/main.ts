/** One instance: config → pool → listener → server → signals. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createApp } from './app.ts'
import { readConfig, type Config } from './config.ts'
import { createAssets } from './lib/assets.ts'
import { createDb, createWrite, type DatabasePool } from './lib/db.ts'
import { createLog } from './lib/log.ts'
import { createMetricsServer } from './lib/metrics.ts'
import { createRenderer } from './lib/render.ts'
import { createHttpServer } from './lib/server.ts'
import { forgetThrottles } from './lib/throttle.ts'
import { createStreaming } from './stream/streaming.ts'
import { scheduleUpkeep } from './stream/upkeep.ts'
import { deleteAccountRows } from './users/deletion.ts'
import { createPictureUpkeep } from './users/pictures.ts'
import { findLiveSessions, findSessions, forgetSessions, sessionCookieName } from './users/sessions.ts'

const root = join(import.meta.dirname, '..')

/** An orderly end takes no longer than this; what is not done by then is cut. */
const SHUTDOWN_MS = 12_000

try {
  await run(readConfig(process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

async function run(config: Config): Promise<void> {
  const log = createLog(config)
  const { databaseUrl, listenDatabaseUrl, instanceName } = config
  if (databaseUrl === null || listenDatabaseUrl === null) {
    throw new Error('DATABASE_URL is not set; `npm start` brings a database of its own')
  }

  const db = await createDb(databaseUrl, { applicationName: `koafeed:pool:${instanceName}` })
  const write = createWrite(db)
  const logDb = await createDb(databaseUrl, {
    applicationName: `koafeed:log:${instanceName}`,
    maxPoolSize: 1,
  })
  const streaming = createStreaming({
    db,
    logDb,
    listenDatabaseUrl,
    instanceName,
    limits: config.limits,
    log,
    sessionCookie: sessionCookieName(config),
    findViewers: (cookies) => findSessions(db, cookies),
    findLiveSessions: (hashes) => findLiveSessions(db, hashes),
  })
  await streaming.start()

  const stopUpkeep = scheduleUpkeep({
    write,
    log,
    chores: [
      forgetThrottles,
      forgetSessions,
      createPictureUpkeep(),
      async () => void deleteAccountRows(write, log),
    ],
  })
  let draining = false
  const health = {
    ready() {
      const why = [...(draining ? ['shutting down'] : []), ...streaming.unhealthyReasons()]
      return { ok: why.length === 0, why: [...why, ...streaming.warnings(), ...poolWarnings(db)] }
    },
  }
  const assets = createAssets(join(root, 'static/build'), !config.production)
  const app = createApp({
    db,
    write,
    render: createRenderer({
      templates: join(root, 'templates'),
      assets,
      siteName: config.siteName,
      fresh: !config.production,
    }),
    assets,
    config,
    log,
    health,
    stream: streaming.routes,
  })
  const server = createHttpServer(app.callback())
  const origin = await listen(server, config.port, config.host)

  const metrics = createMetricsServer(streaming.gauges)
  const metricsOrigin = await listen(metrics, config.metricsPort, config.host).catch((error: Error) => {
    // The site is worth more than its figures.
    log.warn({ reason: error.message }, 'no metrics')
    return null
  })

  log.info({ event: 'listening', origin, metrics: metricsOrigin }, `listening on ${origin}`)
  process.send?.({ listening: origin, metrics: metricsOrigin })

  async function shutDown(reason: string): Promise<void> {
    if (draining) return
    draining = true
    log.info({ event: 'shutdown', reason }, 'shutting down')
    setTimeout(() => process.exit(0), SHUTDOWN_MS).unref()
    await streaming.drain()
    stopUpkeep()
    const closed = once(server, 'close')
    server.close()
    await closed
    metrics.close()
    await streaming.stop()
    await Promise.all([db.end(), logDb.end()])
    log.info({ event: 'shutdown' }, 'all done')
    process.exit(0)
  }

  process.on('SIGTERM', () => void shutDown('SIGTERM'))
  process.on('SIGINT', () => void shutDown('SIGINT'))
  // Whoever started this instance is gone, without a word.
  process.on('disconnect', () => void shutDown('disconnect'))
}

function poolWarnings(db: DatabasePool): string[] {
  return db.state().waitingClients > 0 ? ['requests wait for a connection to the database'] : []
}

async function listen(server: Server, port: number, host: string | null): Promise<string> {
  server.listen({ port, ...(host === null ? {} : { host }) })
  await once(server, 'listening')
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** One instance: config → server → database → signals. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from './app.ts'
import { readConfig, type Config } from './config.ts'
import { createAssets } from './lib/assets.ts'
import { createBackoff } from './lib/backoff.ts'
import { createDb, createWrite, type DatabasePool } from './lib/db.ts'
import { Unavailable } from './lib/errors.ts'
import { createLog, errorFacts } from './lib/log.ts'
import { createMetricsServer } from './lib/metrics.ts'
import { probeDatabase } from './lib/probe.ts'
import { createRenderer } from './lib/render.ts'
import { prepareClose } from './lib/graceful.ts'
import { createHttpServer } from './lib/server.ts'
import { forgetThrottles } from './lib/throttle.ts'
import { createStreaming, type Streaming } from './stream/streaming.ts'
import { scheduleUpkeep } from './stream/upkeep.ts'
import { deleteAccountRows } from './users/deletion.ts'
import { createPictureUpkeep } from './users/pictures.ts'
import { findLiveSessions, findSessions, forgetSessions, sessionCookieName } from './users/sessions.ts'

const root = join(import.meta.dirname, '..')

/** An orderly end takes no longer than this; what is not done by then is cut. */
const SHUTDOWN_MS = 12_000

const REASONS = { starting: 'waiting for the database', stopping: 'shutting down' }

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
  const createStreams = (): Streaming =>
    createStreaming({
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

  let streaming = createStreams()
  let phase: 'starting' | 'running' | 'stopping' = 'starting'
  let stopUpkeep = (): void => {}
  const health = {
    isStarted: () => phase !== 'starting',
    ready() {
      const why = [...(phase === 'running' ? [] : [REASONS[phase]]), ...streaming.unhealthyReasons()]
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
    stream(ctx, next) {
      const isStream = streaming.routes.router?.match(ctx.path, ctx.method).route
      if (isStream && phase === 'stopping') {
        ctx.state.program = true
        throw new Unavailable('This instance is shutting down.', 1)
      }
      return streaming.routes(ctx, next)
    },
  })
  const server = createHttpServer(app.callback())
  const connections = prepareClose(server)
  process.on('SIGTERM', () => void shutDown('SIGTERM'))
  process.on('SIGINT', () => void shutDown('SIGINT'))
  // The process that started this instance has ended.
  process.on('disconnect', () => void shutDown('disconnect'))
  const origin = await listen(server, config.port, config.host)
  process.send?.({ listening: origin })

  await startStreaming()
  if (health.isStarted()) return // a signal came first
  phase = 'running'
  stopUpkeep = scheduleUpkeep({
    write,
    log,
    chores: [
      forgetThrottles,
      forgetSessions,
      createPictureUpkeep(),
      async () => void deleteAccountRows(write, log),
    ],
  })
  const metrics = createMetricsServer(streaming.gauges)
  const metricsOrigin = await listen(metrics, config.metricsPort, config.host).catch((error: Error) => {
    // The site is worth more than its figures.
    log.warn({ reason: error.message }, 'no metrics')
    return null
  })
  log.info({ event: 'listening', origin, metrics: metricsOrigin }, `listening on ${origin}`)
  process.send?.({ ready: origin, metrics: metricsOrigin })

  /** Waits for the database, however long. A start that fails half-way leaves a listener that cannot start again. */
  async function startStreaming(): Promise<void> {
    const backoff = createBackoff({ first: 250, most: 2_000 })
    for (; phase === 'starting'; await pause(backoff.next())) {
      try {
        await probeDatabase(listenDatabaseUrl ?? '', `koafeed:listener:${instanceName}`)
        return await streaming.start()
      } catch (error) {
        log.warn({ event: 'waiting', error: errorFacts(error) }, 'waiting for the database')
        void streaming.stop().catch(() => {})
        streaming = createStreams()
      }
    }
  }

  /** The balancers learn first; then the port closes and the streams end; what is left is closed when it is idle. */
  async function shutDown(reason: string): Promise<void> {
    if (phase === 'stopping') return
    const drainMs = phase === 'running' ? config.drainSeconds * 1_000 : 0
    phase = 'stopping'
    log.info({ event: 'shutdown', reason }, 'shutting down')
    setTimeout(() => process.exit(0), SHUTDOWN_MS).unref()
    connections.endKeepAlive()
    await pause(drainMs)
    const closed = connections.close()
    await streaming.drain()
    stopUpkeep()
    await closed
    await streaming.stop()
    await Promise.all([db.end(), logDb.end()])
    log.info({ event: 'shutdown' }, 'all done')
    process.exit(0)
  }
}

function poolWarnings(db: DatabasePool): string[] {
  return db.state().waitingClients > 0 ? ['requests wait for a connection to the database'] : []
}

async function listen(server: Server, port: number, host: string | null): Promise<string> {
  server.listen({ port, ...(host === null ? {} : { host }) })
  await once(server, 'listening')
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

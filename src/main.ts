/** One instance: config → server → database → signals. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createApp, type AppDeps } from './app.ts'
import { readConfig, type Config } from './config.ts'
import { createAssets } from './web/asset-urls.ts'
import { createBackoff } from './lib/backoff.ts'
import { createDb, createWrite, type DatabasePool, type Write } from './db/pool.ts'
import { Unavailable } from './lib/errors.ts'
import { createLog, errorFacts } from './lib/log.ts'
import { createMetricsServer } from './lib/metrics.ts'
import { probeDatabase } from './db/probe.ts'
import { createRenderer } from './web/render.ts'
import { prepareClose, type GracefulClose } from './web/http-server/graceful-close.ts'
import { createHttpServer } from './web/http-server/server.ts'
import { deleteExpiredThrottles } from './web/throttle.ts'
import { createStreaming, type Streaming } from './stream/streaming.ts'
import { scheduleUpkeep } from './stream/log/upkeep.ts'
import { deleteAccountRows } from './users/deletion.ts'
import { createPictureUpkeep } from './pictures/pictures.ts'
import { findLiveSessions, findSessions, deleteExpiredSessions, sessionCookieName } from './users/sessions.ts'

const root = join(import.meta.dirname, '..')

/** What has not ended by then is cut. */
const SHUTDOWN_MS = 12_000

const REASONS = { starting: 'waiting for the database', stopping: 'shutting down' }

/** The parts of this instance, and its phase. */
interface Instance {
  config: Config
  log: Logger
  db: DatabasePool
  /** For the listener alone, so that busy pages do not delay events. */
  logDb: DatabasePool
  write: Write
  /** Another one after a start that failed: its listener cannot start again. */
  streaming: Streaming
  phase: 'starting' | 'running' | 'stopping'
}

try {
  await run(readConfig(process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

async function run(config: Config): Promise<void> {
  const { databaseUrl, listenDatabaseUrl, instanceName: name } = config
  if (databaseUrl === null || listenDatabaseUrl === null) {
    throw new Error('DATABASE_URL is not set; `npm start` brings a database of its own')
  }
  const log = createLog(config)
  const db = await createDb(databaseUrl, { applicationName: `koafeed:pool:${name}` })
  const logDb = await createDb(databaseUrl, { applicationName: `koafeed:log:${name}`, maxPoolSize: 1 })
  const createStreams = (): Streaming =>
    createStreaming({
      db,
      logDb,
      listenDatabaseUrl,
      instanceName: name,
      limits: config.limits,
      log,
      sessionCookie: sessionCookieName(config),
      findViewers: (cookies) => findSessions(db, cookies),
      findLiveSessions: (hashes) => findLiveSessions(db, hashes),
    })
  const streaming = createStreams()
  const instance: Instance = { config, log, db, logDb, write: createWrite(db), streaming, phase: 'starting' }
  const server = createHttpServer(createSite(instance).callback())
  endOnSignals(instance, prepareClose(server))
  const origin = await listen(server, config.port, config.host)
  process.send?.({ listening: origin })
  await startStreaming(instance, createStreams, () =>
    probeDatabase(listenDatabaseUrl, `koafeed:listener:${name}`),
  )
  if (instance.phase === 'starting') await begin(instance, origin)
}

function createSite(instance: Instance): ReturnType<typeof createApp> {
  const { config, log, db, write } = instance
  const assets = createAssets(join(root, 'static/build'))
  return createApp({
    db,
    write,
    render: createRenderer({
      templates: join(root, 'templates'),
      assets,
      siteName: config.siteName,
    }),
    assets,
    config,
    log,
    health: healthOf(instance),
    stream(ctx, next) {
      const { routes } = instance.streaming
      if (instance.phase === 'stopping' && routes.router?.match(ctx.path, ctx.method).route) {
        ctx.state.jsonOnly = true
        throw new Unavailable('This instance is shutting down.', 1)
      }
      return routes(ctx, next)
    },
  })
}

function healthOf(instance: Instance): AppDeps['health'] {
  return {
    isStarted: () => instance.phase !== 'starting',
    ready() {
      const { phase, streaming, db } = instance
      const why = [...(phase === 'running' ? [] : [REASONS[phase]]), ...streaming.unhealthyReasons()]
      return { ok: why.length === 0, why: [...why, ...streaming.warnings(), ...poolWarnings(db)] }
    },
  }
}

function poolWarnings(db: DatabasePool): string[] {
  return db.state().waitingClients > 0 ? ['requests wait for a connection to the database'] : []
}

/** Waits for the database, however long. */
async function startStreaming(
  instance: Instance,
  createStreams: () => Streaming,
  probe: () => Promise<void>,
): Promise<void> {
  const backoff = createBackoff({ first: 250, most: 2_000 })
  for (; instance.phase === 'starting'; await pause(backoff.next())) {
    try {
      await probe()
      return await instance.streaming.start()
    } catch (error) {
      instance.log.warn({ event: 'waiting', error: errorFacts(error) }, 'waiting for the database')
      void instance.streaming.stop().catch(() => {})
      instance.streaming = createStreams()
    }
  }
}

async function begin(instance: Instance, origin: string): Promise<void> {
  const { config, log, write, streaming } = instance
  instance.phase = 'running'
  const chores = [deleteExpiredThrottles, deleteExpiredSessions, createPictureUpkeep()]
  scheduleUpkeep({ write, log, chores: [...chores, async () => void deleteAccountRows(write, log)] })
  const server = createMetricsServer(streaming.gauges)
  const metrics = await listen(server, config.metricsPort, config.host).catch((error: Error) => {
    // The site is worth more than its figures.
    log.warn({ reason: error.message }, 'no metrics')
    return null
  })
  log.info({ event: 'listening', origin, metrics }, `listening on ${origin}`)
  process.send?.({ ready: origin, metrics })
}

function endOnSignals(instance: Instance, connections: GracefulClose): void {
  const end = (reason: string): void => {
    if (instance.phase === 'stopping') return
    instance.log.info({ event: 'shutdown', reason }, 'shutting down')
    setTimeout(() => process.exit(0), SHUTDOWN_MS).unref()
    void shutDown(instance, connections)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // The process that started this instance has ended.
  process.on('disconnect', () => end('disconnect'))
}

/** Proxies learn first; then the port closes and the streams end; the other connections close when they are idle. */
async function shutDown(instance: Instance, connections: GracefulClose): Promise<void> {
  const { config, log, db, logDb } = instance
  const drainMs = instance.phase === 'running' ? config.drainSeconds * 1_000 : 0
  instance.phase = 'stopping'
  connections.endKeepAlive()
  await pause(drainMs)
  const closed = connections.close()
  await instance.streaming.drain()
  await closed
  await instance.streaming.stop()
  await Promise.all([db.end(), logDb.end()])
  log.info({ event: 'shutdown' }, 'all done')
  process.exit(0)
}

async function listen(server: Server, port: number, host: string | null): Promise<string> {
  server.listen({ port, ...(host === null ? {} : { host }) })
  await once(server, 'listening')
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

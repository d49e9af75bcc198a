import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { deleteExpiredAdminTokens } from './admin/admins.ts'
import { createApp, type AppDeps } from './app.ts'
import { createCaches, type Caches } from './caches/caches.ts'
import type { Config } from './config.ts'
import { createGroupQueue } from './db/group/queue.ts'
import { createGroupSession, type GroupSession } from './db/group/session.ts'
import { connectionConfig, createDb, type DatabasePool, type Write } from './db/pool.ts'
import { probeDatabase } from './db/probe.ts'
import { createWrite } from './db/write.ts'
import { createBackoff } from './lib/backoff.ts'
import { Unavailable } from './lib/errors.ts'
import { createLog, errorFacts } from './lib/log.ts'
import { addCacheMetrics } from './caches/metrics.ts'
import { addPoolMetrics, createDatabaseMeasures } from './db/metrics.ts'
import { createMetrics, createMetricsServer, type Metrics } from './lib/metrics.ts'
import { addStreamMetrics } from './stream/metrics.ts'
import { createPictureUpkeep } from './pictures/pictures.ts'
import { deleteExpiredResets } from './recovery/recovery.ts'
import { scheduleUpkeep } from './stream/log/upkeep.ts'
import { createStreaming, type Streaming } from './stream/streaming.ts'
import { deleteAccountRows } from './users/deletion.ts'
import {
  deleteExpiredSessions,
  findActiveSessions,
  findSessions,
  sessionCookieName,
} from './users/sessions.ts'
import { createAssets } from './web/static/asset-urls.ts'
import { prepareClose, type GracefulClose } from './web/http-server/graceful-close.ts'
import { createHttpServer } from './web/http-server/server.ts'
import { createRenderer } from './web/rendering/render.ts'
import { deleteExpiredThrottles } from './web/limits/throttle.ts'

const root = join(import.meta.dirname, '..')

/** One instance of the site: the HTTP server, the connection pools, the stream layer and the metrics. */
export interface Instance {
  /** Opens the port. It does not need the database. Returns the origin. */
  listen(): Promise<string>
  /**
   * Waits until the database is available, then starts the stream layer, the upkeep and the metrics. Returns null if
   * the instance is shut down first. `metrics` is their origin, or null if their port is taken.
   */
  start(): Promise<{ metrics: string | null } | null>
  /** Finishes the requests and streams that are in progress, and closes all connections. Call it once. */
  shutDown(reason: string): Promise<void>
}

interface Parts {
  config: Config
  log: Logger
  metrics: Metrics
  db: DatabasePool
  /** A separate connection for the listener, so that busy pages do not delay events. */
  logDb: DatabasePool
  /** The connection on which concurrent writes share a transaction. */
  groups: GroupSession
  write: Write
  caches: Caches
  phase: 'starting' | 'running' | 'stopping'
  /** Replaced after a failed start, because a listener cannot start twice. */
  streaming: Streaming
  createStreaming(): Streaming
}

const PHASE_REASONS = { starting: 'waiting for the database', stopping: 'shutting down' }

/** @throws Error if the configuration has no database */
export async function createInstance(config: Config): Promise<Instance> {
  const { databaseUrl, listenDatabaseUrl, instanceName } = config
  if (databaseUrl === null || listenDatabaseUrl === null) {
    throw new Error('DATABASE_URL is not set; `npm start` starts an embedded database')
  }
  const parts = await createParts(config, databaseUrl, listenDatabaseUrl)
  const server = createHttpServer(createSite(parts).callback())
  const connections = prepareClose(server)
  const probe = () => probeDatabase(listenDatabaseUrl, `koafeed:listener:${instanceName}`)
  let origin = ''
  return {
    async listen() {
      origin = await listen(server, config.port, config.host)
      return origin
    },
    async start() {
      await startStreaming(parts, probe)
      return parts.phase === 'starting' ? startUpkeepAndMetrics(parts, origin) : null
    },
    shutDown: (reason) => shutDown(parts, connections, reason),
  }
}

async function createParts(config: Config, databaseUrl: string, listenDatabaseUrl: string): Promise<Parts> {
  const { instanceName, limits, preparedStatements: names } = config
  const log = createLog(config)
  const metrics = createMetrics()
  const { onWait, onGroup } = createDatabaseMeasures(metrics)
  const pooled = { applicationName: `koafeed:pool:${instanceName}`, names }
  const db = await createDb(databaseUrl, { ...pooled, onWait })
  addPoolMetrics(metrics, db)
  const groups = createGroupSession(connectionConfig(databaseUrl, pooled))
  const logDb = await createDb(databaseUrl, {
    applicationName: `koafeed:log:${instanceName}`,
    maxPoolSize: 1,
    names,
  })
  const caches = createCaches({
    db,
    sync: () => parts.streaming.sync(),
    isCurrent: () => parts.streaming.isCurrent(),
    isFresh: () => parts.streaming.isFresh(),
  })
  addCacheMetrics(metrics, caches.lookups)
  const createStreams = (): Streaming =>
    createStreaming({
      db,
      logDb,
      listenDatabaseUrl,
      instanceName,
      limits,
      maxBacklogBytes: config.maxStreamBacklogMb * 1024 * 1024,
      log,
      observer: caches.observer,
      onRelayed: (row) => observeLatency(row),
      sessionCookie: sessionCookieName(config),
      findViewers: (cookies) => findSessions(db, cookies),
      findActiveSessions: (hashes) => findActiveSessions(db, hashes),
    })
  const parts: Parts = {
    config,
    log,
    metrics,
    db,
    logDb,
    groups,
    write: createWrite(db, createGroupQueue(groups, onGroup)),
    caches,
    phase: 'starting',
    streaming: createStreams(),
    createStreaming: createStreams,
  }
  const observeLatency = addStreamMetrics(metrics, () => parts.streaming.stats())
  return parts
}

function createSite(parts: Parts): ReturnType<typeof createApp> {
  const { config, log, metrics, db, write, caches } = parts
  const assets = createAssets(join(root, 'static/build'))
  return createApp({
    db,
    write,
    caches,
    render: createRenderer({
      templates: join(root, 'templates'),
      assets,
      siteName: config.siteName,
    }),
    assets,
    config,
    log,
    metrics,
    health: healthOf(parts),
    stream(ctx, next) {
      const { routes } = parts.streaming
      if (parts.phase === 'stopping' && routes.router?.match(ctx.path, ctx.method).route) {
        ctx.state.jsonOnly = true
        throw new Unavailable('This instance is shutting down.', 1)
      }
      return routes(ctx, next)
    },
  })
}

function healthOf(parts: Parts): AppDeps['health'] {
  return {
    isStarted: () => parts.phase !== 'starting',
    ready() {
      const { phase, streaming, db } = parts
      const why = [...(phase === 'running' ? [] : [PHASE_REASONS[phase]]), ...streaming.unhealthyReasons()]
      return { ok: why.length === 0, why: [...why, ...streaming.warnings(), ...poolWarnings(db)] }
    },
  }
}

function poolWarnings(db: DatabasePool): string[] {
  return db.state().waitingClients > 0 ? ['requests wait for a database connection'] : []
}

/** Tries again until the database is available, without a time limit. */
async function startStreaming(parts: Parts, probe: () => Promise<void>): Promise<void> {
  const backoff = createBackoff({ first: 250, max: 2_000 })
  for (; parts.phase === 'starting'; await pause(backoff.next())) {
    try {
      await probe()
      return await parts.streaming.start()
    } catch (error) {
      parts.log.warn({ event: 'waiting', error: errorFacts(error) }, 'waiting for the database')
      void parts.streaming.stop().catch(() => {})
      parts.streaming = parts.createStreaming()
    }
  }
}

async function startUpkeepAndMetrics(parts: Parts, origin: string): Promise<{ metrics: string | null }> {
  const { config, log, metrics, write } = parts
  parts.phase = 'running'
  const expired = [
    deleteExpiredThrottles,
    deleteExpiredSessions,
    deleteExpiredAdminTokens,
    deleteExpiredResets,
  ]
  const chores = [...expired, createPictureUpkeep()]
  scheduleUpkeep({ write, log, chores: [...chores, async () => void deleteAccountRows(write, log)] })
  const server = createMetricsServer(metrics)
  const metricsOrigin = await listen(server, config.metricsPort, config.host).catch((error: Error) => {
    // An instance without metrics is better than no instance.
    log.warn({ reason: error.message }, 'no metrics')
    return null
  })
  log.info({ event: 'listening', origin, metrics: metricsOrigin }, `listening on ${origin}`)
  return { metrics: metricsOrigin }
}

/** While it drains, the instance is unready but still serves requests, so that proxies lose no request. */
async function shutDown(parts: Parts, connections: GracefulClose, reason: string): Promise<void> {
  const { config, log, db, logDb, groups } = parts
  log.info({ event: 'shutdown', reason }, 'shutting down')
  const drainMs = parts.phase === 'running' ? config.drainSeconds * 1_000 : 0
  parts.phase = 'stopping'
  connections.endKeepAlive()
  await pause(drainMs)
  const closed = connections.close()
  await parts.streaming.drain()
  await closed
  await parts.streaming.stop()
  await Promise.all([db.end(), logDb.end(), groups.end()])
  log.info({ event: 'shutdown' }, 'all done')
}

async function listen(server: Server, port: number, host: string | null): Promise<string> {
  server.listen({ port, ...(host === null ? {} : { host }) })
  await once(server, 'listening')
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

import type Router from '@koa/router'
import type { DatabasePool } from 'slonik'
import type { Logger } from 'pino'
import { createBatch } from '../lib/batch.ts'
import { systemClock } from '../lib/clock.ts'
import type { LogObserver } from '../lib/log-observer.ts'
import { createLimiter } from '../lib/limiter.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { createArchive } from './replay/archive.ts'
import { createChannel } from './relay/channel.ts'
import { Backlog } from './clients/backlog.ts'
import { createConnectionLimit } from './clients/connection-limit.ts'
import { createHub } from './relay/hub.ts'
import { startLifecycle } from './lifecycle.ts'
import { createListener, type ListenerDeps } from './relay/listener.ts'
import type { LogRow } from './log/events.ts'
import type { StreamStats } from './metrics.ts'
import { createLogReader, type LogReader } from './log/reader.ts'
import { createRelayQueue } from './relay/relay-queue.ts'
import { authorize, type Wanted } from './rights.ts'
import { createRing, type Ring } from './relay/ring.ts'
import { streamRoutes } from './routes.ts'
import { createTopicIndex } from './replay/topic-index.ts'
import type { Viewer } from './clients/subscriber.ts'

/** Concurrent reads of the log for replays. The rest of the pool serves pages. */
const REPLAY_READS = 2

export interface StreamingDeps {
  db: DatabasePool
  /** A separate pool of one connection for the listener, so that busy pages do not delay events. */
  logDb: DatabasePool
  /** A direct connection to the primary; LISTEN does not work through a pooler in transaction mode. */
  listenDatabaseUrl: string
  instanceName: string
  /** `streams` replaces the built-in connection limit; `off` removes it. */
  limits: 'off' | { streams?: number }
  /** The most memory for blocks that wait for slow clients. */
  maxBacklogBytes: number
  log: Logger
  /** Gets every event of the log, as soon as it is accepted. */
  observer: LogObserver
  /** Gets every event after it has been written to its clients. */
  onRelayed(row: LogRow): void
  /** Finds the viewer for each session cookie; null if the session is not alive. */
  findViewers(cookies: readonly string[]): Promise<(Viewer | null)[]>
  /** Returns the given session hashes (SHA-256 in hex) whose sessions are still alive. */
  findActiveSessions(hashes: string[]): Promise<Set<string>>
  sessionCookie: string
}

/** The stream layer of one instance: everything between NOTIFY and the connected clients. */
export interface Streaming {
  routes: ReturnType<Router<ContextState, ContextExtension>['routes']>
  /**
   * Starts to listen.
   * @throws Error if the database cannot be reached
   */
  start(): Promise<void>
  /** Reads the log up to its newest event; concurrent calls share one read. Never rejects. */
  sync(): Promise<void>
  /** Whether `observer` is current, and whether it is fresh: see `Listener`. */
  isCurrent(): boolean
  isFresh(): boolean
  /** Reasons why this instance should get no traffic; empty if it is current. */
  unhealthyReasons(): string[]
  /** Problems that all instances share. */
  warnings(): string[]
  stats(): StreamStats
  /** Refuses new streams and ends the open ones in batches. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** Creates the parts that relay and replay events. The simulation runs them with a simulated database and clients. */
export function createCore({
  replayReader,
  clock,
  ring = createRing(),
  observer = { accept() {}, reset() {} },
  onRelayed,
  ...deps
}: Omit<ListenerDeps, 'queue' | 'handler'> & {
  replayReader: LogReader
  ring?: Ring
  observer?: LogObserver
  onRelayed?: (row: LogRow) => void
}) {
  const limiter = createLimiter(REPLAY_READS, Infinity)
  const archive = createArchive(replayReader, limiter)
  const hub = createHub({ ring, onOutdated: archive.markOutdated, ...(onRelayed && { onRelayed }) })
  const index = createTopicIndex(replayReader, limiter, hub.position, clock.now)
  const queue = createRelayQueue(hub, clock)
  function clearReads(): void {
    index.clear()
    archive.clear()
  }
  const handler = {
    ...hub,
    accept: observer.accept,
    listenLost: clearReads,
    preload(rows: LogRow[], position: number) {
      observer.reset(position)
      hub.preload(rows, position)
    },
    reset(seq: number) {
      clearReads()
      observer.reset(seq)
      hub.reset(seq)
    },
  }
  const listener = createListener({ ...deps, clock, queue, handler })
  return { hub, index, archive, listener, clock }
}

/** Builds the stream layer; `start` connects it to the database. */
export function createStreaming(deps: StreamingDeps): Streaming {
  const { db, log } = deps
  const core = createCore({
    openChannel: (events) =>
      createChannel({ url: deps.listenDatabaseUrl, name: deps.instanceName, log }, events),
    reader: createLogReader(deps.logDb),
    replayReader: createLogReader(db),
    clock: systemClock,
    log,
    observer: deps.observer,
    onRelayed: deps.onRelayed,
  })
  const { hub, listener } = core
  const lifecycle = startLifecycle({ hub, log, findActiveSessions: deps.findActiveSessions })
  const backlog = new Backlog(deps.maxBacklogBytes)
  const findViewer = createBatch(deps.findViewers)
  let isDraining = false
  const router = streamRoutes({
    ...core,
    backlog,
    sync: () => listener.sync(),
    newest: () => listener.newest(),
    connectionLimit: createConnectionLimit(deps.limits),
    authorize: createBatch((wanted: readonly Wanted[]) => authorize(db, wanted)),
    identify: (ctx) => findViewer(ctx.cookies.get(deps.sessionCookie) ?? ''),
    isDraining: () => isDraining,
  })
  return {
    routes: router.routes(),
    start: () => listener.start(),
    sync: () => listener.sync(),
    isCurrent: () => listener.isCurrent(),
    isFresh: () => listener.isFresh(),
    unhealthyReasons: () => listener.unhealthyReasons(),
    warnings: () => listener.warnings(),
    stats: () => ({
      ...hub.counts,
      ...listener.counters(),
      slowClients: { ...hub.counts.slowClients, backlog: backlog.cuts() },
      backlogBytes: backlog.size(),
      streams: hub.size(),
      position: hub.position(),
      lagEvents: listener.lag(),
      logAge: listener.logAge() / 1_000,
      notifyQueue: listener.queueUsage(),
    }),
    drain() {
      isDraining = true
      return lifecycle.drain()
    },
    async stop() {
      lifecycle.stop()
      await listener.stop()
    },
  }
}

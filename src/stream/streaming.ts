import type Router from '@koa/router'
import type { DatabasePool } from 'slonik'
import type { Logger } from 'pino'
import { createBatch } from '../lib/batch.ts'
import type { Reading } from '../lib/metrics.ts'
import type { VisitContext, VisitState } from '../lib/visit.ts'
import { createHistory } from './history.ts'
import { createHub } from './hub.ts'
import { keepStreams } from './keeper.ts'
import { createListener } from './listener.ts'
import { authorise, type Wanted } from './rights.ts'
import { streamRoutes } from './routes.ts'
import { createSeats } from './seats.ts'
import type { Viewer } from './subscriber.ts'

export interface StreamingDeps {
  db: DatabasePool
  /** A direct connection to the primary; LISTEN does not work through a pooler in transaction mode. */
  listenDatabaseUrl: string
  instanceName: string
  /** Built-in connection limits are replaced by `streams`; `off` lifts them. */
  limits: 'off' | { streams?: number }
  log: Logger
  /** Finds the viewer whose live session each cookie opens. */
  findViewers(cookies: readonly string[]): Promise<(Viewer | null)[]>
  /** Returns those of the sessions (SHA-256 in hex) that are still alive. */
  findLiveSessions(hashes: string[]): Promise<Set<string>>
  sessionCookie: string
}

/** The stream layer of one instance: everything between NOTIFY and the connected clients. */
export interface Streaming {
  routes: ReturnType<Router<VisitState, VisitContext>['routes']>
  /** Starts to listen. Throws if the database cannot be reached. */
  start(): Promise<void>
  /** Reasons why this instance should get no traffic; empty if it is current. */
  unhealthyReasons(): string[]
  /** Problems that another instance would have as well. */
  warnings(): string[]
  gauges: Reading[]
  /** Refuses new streams and ends the open ones in batches. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** Builds the stream layer; nothing runs before `start`. */
export function createStreaming(deps: StreamingDeps): Streaming {
  const { db, log } = deps
  const hub = createHub()
  const history = createHistory(db, hub.position)
  const sink = {
    ...hub,
    rewind(seq: number) {
      history.clear()
      hub.rewind(seq)
    },
  }
  const listener = createListener({ url: deps.listenDatabaseUrl, name: deps.instanceName, db, sink, log })
  const keeper = keepStreams({ hub, log, liveSessions: deps.findLiveSessions })
  const findViewer = createBatch(deps.findViewers)
  const router = streamRoutes({
    hub,
    history,
    sync: listener.sync,
    seats: createSeats(deps.limits),
    authorise: createBatch((wanted: readonly Wanted[]) => authorise(db, wanted)),
    identify: (ctx) => findViewer(ctx.cookies.get(deps.sessionCookie) ?? ''),
  })
  const counters = listener.counters
  return {
    routes: router.routes(),
    start: listener.start,
    unhealthyReasons: listener.troubles,
    warnings: listener.warnings,
    gauges: [
      { name: 'koafeed_streams', help: 'Open streams', read: hub.size },
      { name: 'koafeed_position', help: 'seq of the last event relayed', read: hub.position },
      { name: 'koafeed_reconnects', help: 'Lost LISTEN connections', read: () => counters().reconnects },
      { name: 'koafeed_gaps', help: 'Gaps read from the log', read: () => counters().gaps },
      { name: 'koafeed_rescued', help: 'Events only the timer found', read: () => counters().rescued },
      { name: 'koafeed_notify_queue', help: 'Use of the notify queue, 0 to 1', read: listener.queueUsage },
      { name: 'koafeed_rewinds', help: 'Times the database went back', read: () => counters().rewinds },
    ],
    drain: keeper.drain,
    async stop() {
      keeper.stop()
      await listener.stop()
    },
  }
}

import { encodeSse } from '../lib/sse.ts'
import { randomBetween, type Clock } from '../lib/clock.ts'
import { NotFound, Unauthorized, Unavailable } from '../lib/errors.ts'
import type { Connection } from './clients/connection.ts'
import type { ConnectionLimit } from './clients/connection-limit.ts'
import { MAX_REPLAY_EVENTS, type ReplayDeps } from './replay/replay.ts'
import type { Authorized, Page, Wanted } from './rights.ts'
import { createSubscriber, type Subscriber, type Viewer } from './clients/subscriber.ts'

/** The rights of a person who changes them all the time cannot be read; the client tries again later. */
const MAX_ATTEMPTS = 5

export interface OpenDeps extends ReplayDeps {
  clock: Clock
  /** Reads the log up to the database's newest event. */
  sync(): Promise<void>
  /** `seq` of the newest event that this instance has accepted; the last of them may not have been relayed yet. */
  newest(): number
  /** Reads what the stream may show, and whether the viewer's session is alive; null if a page may not be seen. */
  authorize(wanted: Wanted): Promise<Authorized | null>
  connectionLimit: ConnectionLimit
}

export interface StreamRequest {
  /** Includes the viewer's home feed. */
  home: boolean
  pages: Page[]
  /** The last `seq` that the client has; null for a client that starts now. */
  cursor: number | null
  /** Id of the user whose page asks, if the page says so. */
  as?: string | undefined
  /** Finds the viewer by the session cookie; null if nobody is signed in. */
  identify(): Promise<Viewer | null>
  /** Where an anonymous client comes from, for the connection limit. */
  network: string
}

/**
 * Authorizes a stream and answers with where it starts. Then it may be replayed and go live.
 * @throws Unauthorized, NotFound, TooMany or Unavailable, before anything is written
 */
export async function openStream(
  deps: OpenDeps,
  request: StreamRequest,
  connection: Connection,
): Promise<Subscriber> {
  const { hub, clock } = deps
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const isResumable = await canResume(deps, request.cursor)
    const snapshotSeq = hub.position()
    const viewer = await identify(request)
    const subscriber = createSubscriber(connection, viewer, request.home)
    if (connection.closed()) return subscriber
    // From here on changes of the viewer's rights are heard; those before are in what is read next.
    hub.add(subscriber)
    connection.onClose(() => hub.remove(subscriber))
    try {
      const authorized = await deps.authorize({ viewer, home: request.home, pages: request.pages })
      if (connection.closed()) return subscriber
      if (subscriber.isExpired() || authorized?.isSessionAlive === false) continue
      if (authorized === null) throw new NotFound()
      const { rights } = authorized
      deps.connectionLimit.acquire(viewer?.id ?? null, request.network, connection)
      const from = isResumable ? (request.cursor ?? snapshotSeq) : snapshotSeq
      // What was committed before the viewer was allowed to see it is not sent, though they may see its result now.
      const isOutdated = rights.changedAt > from && (request.home || rights.guarded)
      const start = isOutdated ? Math.max(rights.changedAt, snapshotSeq) : from
      subscriber.start(rights, start)
      connection.open()
      const retry = randomBetween(clock, 2_000, 8_000)
      // A cursor before the reset would survive a connection that breaks between the two: the reset would be lost.
      const mustReset = isOutdated || !isResumable
      connection.write(encodeSse(mustReset ? { retry } : { retry, id: start }))
      if (mustReset) subscriber.reset(start)
      return subscriber
    } finally {
      if (subscriber.state() === 'opening') hub.remove(subscriber)
    }
  }
  throw new Unavailable()
}

async function identify({ identify, home, as }: StreamRequest): Promise<Viewer | null> {
  const viewer = await identify()
  if (home && viewer === null) throw new Unauthorized()
  if (as !== undefined && as !== viewer?.id) throw new Unauthorized()
  return viewer
}

/** Whether everything after the cursor can be replayed: it is not from the future, and not too long ago. */
async function canResume({ hub, index, sync, newest }: OpenDeps, cursor: number | null): Promise<boolean> {
  if (cursor === null) return true
  // This instance may be behind the one that the client was connected to. A read that is under way may have begun
  // before the client's last event; the second one has not.
  for (let reads = 0; cursor > newest() && reads < 2; reads++) await sync()
  if (cursor > newest() || cursor < hub.position() - MAX_REPLAY_EVENTS) return false
  return cursor >= hub.recentFloor() || cursor >= (await index.oldest()) - 1
}

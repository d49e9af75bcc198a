import { randomBetween, type Clock } from '../lib/clock.ts'
import { NotFound, Unauthorized, Unavailable } from '../lib/errors.ts'
import type { Connection } from './clients/connection.ts'
import { createBlock, type Block } from './encoding/block.ts'
import type { ConnectionLimit } from './clients/connection-limit.ts'
import { MAX_REPLAY_EVENTS, type ReplayDeps } from './replay/replay.ts'
import type { Authorized, Page, Wanted } from './rights.ts'
import { createSubscriber, type Subscriber, type Viewer } from './clients/subscriber.ts'

/** If the rights change during every attempt, the client gets 503 and tries again later. */
const MAX_ATTEMPTS = 5

export interface OpenDeps extends ReplayDeps {
  clock: Clock
  /** Reads the log up to its newest event. */
  sync(): Promise<void>
  /** `seq` of the newest event that this instance has accepted. It may not have been relayed yet. */
  newest(): number
  /** Reads the rights of the stream, and whether the viewer's session is alive. */
  authorize(wanted: Wanted): Promise<Authorized>
  connectionLimit: ConnectionLimit
}

export interface StreamRequest {
  /** Whether the stream includes the viewer's home feed. */
  home: boolean
  /** The page of the path. Without it the stream is refused. */
  pages: Page[]
  /**
   * The pages of `?with=`, by their text there; null if no such page can exist. One that is missing is left out and
   * reported, so that it does not close the stream of the other tabs.
   */
  joined: ReadonlyMap<string, Page | null>
  /** The last `seq` that the client has; null for a client that starts now. */
  cursor: number | null
  /** Id of the user for whom the page was rendered, if the page sends it. */
  as?: string | undefined
  /** Finds the viewer by the session cookie; null for an anonymous client. */
  identify(): Promise<Viewer | null>
  /** The network of the client, for the connection limit. */
  network: string
}

/**
 * Authorizes a stream and writes its first cursor, or a reset. The stream can then be replayed and go live.
 * @throws Unauthorized, NotFound, TooMany or Unavailable, before anything is written
 */
export async function openStream(
  deps: OpenDeps,
  request: StreamRequest,
  connection: Connection,
): Promise<Subscriber> {
  const { hub, clock } = deps
  const joined = [...request.joined.values()].filter((page) => page !== null)
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const isResumable = await canResume(deps, request.cursor)
    const snapshotSeq = hub.position()
    const viewer = await identify(request)
    const subscriber = createSubscriber(connection, viewer, request.home, hub.signals)
    if (connection.closed()) return subscriber
    // From here on the hub reports changes of the viewer's rights. `authorize` sees the changes before.
    hub.add(subscriber)
    connection.onClose(() => hub.remove(subscriber))
    try {
      const wanted = { viewer, home: request.home, pages: [...request.pages, ...joined] }
      const { rights, missing, isSessionAlive } = await deps.authorize(wanted)
      if (connection.closed()) return subscriber
      if (subscriber.isExpired() || !isSessionAlive) continue
      if (request.pages.some((page) => missing.includes(page))) throw new NotFound()
      if (rights.changedAt > deps.newest()) {
        // Only an instance that has read this change notices a database that goes back to a state before it.
        await deps.sync()
        continue
      }
      deps.connectionLimit.acquire(viewer?.id ?? null, request.network, connection)
      const from = isResumable ? (request.cursor ?? snapshotSeq) : snapshotSeq
      // Events from before the viewer got a right must not be replayed, so the stream starts after that change.
      const isOutdated = rights.changedAt > from && (request.home || rights.guarded)
      const start = isOutdated ? Math.max(rights.changedAt, snapshotSeq) : from
      subscriber.start(rights, start)
      connection.open()
      const retry = randomBetween(clock, 2_000, 8_000)
      // If an id came before the reset, a connection that breaks between the two would lose the reset.
      const mustReset = isOutdated || !isResumable
      connection.write(createBlock(mustReset ? { retry } : { retry, id: start }))
      if (mustReset) subscriber.reset(start)
      for (const block of goneBlocks(request, missing, start)) connection.write(block)
      hub.counts.opens += 1
      if (mustReset && request.cursor !== null) hub.counts.resumes.reset += 1
      return subscriber
    } finally {
      if (subscriber.state() === 'opening') hub.remove(subscriber)
    }
  }
  throw new Unavailable()
}

function goneBlocks({ joined }: StreamRequest, missing: Page[], id: number): Block[] {
  return [...joined]
    .filter(([, page]) => page === null || missing.includes(page))
    .map(([page]) => createBlock({ id, event: 'gone', data: JSON.stringify({ page }) }))
}

async function identify({ identify, home, as }: StreamRequest): Promise<Viewer | null> {
  const viewer = await identify()
  if (home && viewer === null) throw new Unauthorized()
  if (as !== undefined && as !== viewer?.id) throw new Unauthorized()
  return viewer
}

/** Whether all events after the cursor can be replayed: the cursor is neither in the future nor too old. */
async function canResume({ hub, index, sync, newest }: OpenDeps, cursor: number | null): Promise<boolean> {
  if (cursor === null) return true
  // This instance may be behind the client's previous one. The first `sync` may join a read that began before the
  // client's last event; the second one begins after it.
  for (let reads = 0; cursor > newest() && reads < 2; reads++) await sync()
  if (cursor > newest() || cursor < hub.position() - MAX_REPLAY_EVENTS) return false
  return cursor >= hub.recentFloor() || cursor >= (await index.oldest()) - 1
}

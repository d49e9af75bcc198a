import { encodeSse } from '../lib/sse.ts'
import { between, type Connection } from './connection.ts'
import type { History } from './history.ts'
import type { Hub } from './hub.ts'
import { firstChunk } from './ring.ts'
import { createSubscriber, type Rights, type Subscriber, type Viewer } from './subscriber.ts'

export interface OpenDeps {
  hub: Hub
  history: History
  /** Brings the instance up to the database's newest event. */
  sync(): Promise<void>
}

/** What is known of a stream before it opens. */
export interface Opening {
  viewer: Viewer | null
  home: boolean
  rights: Rights
  /** The last `seq` that the client has; null for one that starts now. */
  cursor: number | null
  /** Whether all that came after the cursor can be told. */
  tellable: boolean
  /** The hub's position before anything of the viewer was read: what was read is as of this or later. */
  asOf: number
  /** How often the database had gone back before anything was read. */
  rewinds: number
}

/**
 * Answers with a stream: first where it starts, then what the client missed, then live events. Changes of rights that
 * came after they were read are told by a reset.
 */
export async function openStream(
  deps: OpenDeps,
  connection: Connection,
  { viewer, home, rights, cursor, tellable, asOf, rewinds }: Opening,
): Promise<void> {
  const { hub } = deps
  // What came before the viewer was allowed to see it is no event for them, though they may see its result now.
  const outdated = rights.changedAt > (cursor ?? asOf) && (home || rights.guarded)

  const start = outdated ? Math.max(rights.changedAt, asOf) : tellable ? (cursor ?? asOf) : asOf
  const subscriber = createSubscriber(connection, { viewer, home, rights, cursor: start })
  connection.onClose(() => hub.detach(subscriber))
  connection.open()
  connection.write(encodeSse({ retry: between(2_000, 8_000), id: start }))
  if (outdated || !tellable) subscriber.reset(start)
  if (!connection.closed()) hub.admit(subscriber)
  while (!connection.closed() && !hub.attach(subscriber)) {
    await replayChunk(deps, subscriber)
    await connection.drained()
  }
  if (hub.rewinds() !== rewinds) {
    subscriber.reset(hub.position())
    connection.end()
  }
}

/** Whether all that came after the cursor can be told: it is within the retention, and not from the future. */
export async function isTellable({ hub, history, sync }: OpenDeps, cursor: number | null): Promise<boolean> {
  if (cursor === null) return true
  // This instance may be behind the one that the client was at. A read that was under way may have begun before the
  // client's last event: the second one has not.
  for (let reads = 0; cursor > hub.position() && reads < 2; reads++) await sync()
  if (cursor > hub.position()) return false
  return hub.remembers(cursor) || cursor >= (await history.oldest()) - 1
}

/**
 * Writes a chunk of what the client has missed; live events wait in the ring meanwhile. It returns before the chunk is
 * taken, so that nothing but the chunk is held for a slow client: no frame of a function keeps the block alive.
 */
async function replayChunk({ hub, history }: OpenDeps, subscriber: Subscriber): Promise<void> {
  const recent = hub.recent(subscriber.cursor())
  const missed = recent
    ? { frames: recent, through: hub.position() }
    : await history.after(subscriber.cursor())
  if (missed === null) {
    subscriber.reset(hub.position())
    return
  }
  const chunk = firstChunk(missed.frames)
  subscriber.replay(chunk)
  if (chunk.length === missed.frames.length) subscriber.skipTo(missed.through)
}

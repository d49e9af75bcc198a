import type { Archive } from './archive.ts'
import { firstChunk, hasTopic, isOutdated, type Frame } from '../log/frame.ts'
import type { Hub } from '../relay/hub.ts'
import type { Subscriber } from '../clients/subscriber.ts'
import type { TopicIndex } from './topic-index.ts'

/** Events per lookup for one stream. The bytes per write are limited as well. */
const MAX_EVENTS = 50

/** How far back events are replayed, in numbers of the log; a client with an older cursor gets a `reset`. */
export const MAX_REPLAY_EVENTS = 2_000_000

export interface ReplayDeps {
  hub: Hub
  index: TopicIndex
  archive: Archive
}

/** Where the missed events came from. `reset`: they are gone, and the client loads its page again. */
export type Source = 'memory' | 'log' | 'reset'

/**
 * Writes the missed events as fast as the client reads them, then makes the stream live.
 * @throws Error if the log cannot be read
 */
export async function replay(deps: ReplayDeps, subscriber: Subscriber): Promise<Source> {
  const { connection } = subscriber
  let source: Source = 'memory'
  while (!connection.closed() && !deps.hub.goLive(subscriber)) {
    const chunk = await writeChunk(deps, subscriber)
    if (source !== 'reset' && chunk !== 'memory') source = chunk
    await connection.drained()
  }
  return source
}

/** Keeps no reference to the frames afterwards: a slow client must not hold a chunk of history in memory. */
async function writeChunk({ hub, index, archive }: ReplayDeps, subscriber: Subscriber): Promise<Source> {
  const epoch = hub.epoch()
  const missed = await findMissed({ hub, index, archive }, subscriber)
  if (hub.epoch() !== epoch || subscriber.connection.closed()) return 'memory'
  if (missed === null) {
    subscriber.reset(hub.position())
    return 'reset'
  }
  const chunk = firstChunk(missed.frames)
  for (const frame of chunk) subscriber.deliver(frame)
  if (chunk.length === missed.frames.length) subscriber.skipTo(missed.through)
  return missed.source
}

interface Missed {
  frames: Frame[]
  /** The log has no other events for the stream up to this number. */
  through: number
  source: Source
}

/** Finds the next events for the stream; null if the log no longer has them. */
async function findMissed(
  { hub, index, archive }: ReplayDeps,
  subscriber: Subscriber,
): Promise<Missed | null> {
  const topics = subscriber.topics()
  const recent = hub.recent(subscriber.cursor())
  if (recent) return fromRing(archive, recent, topics, hub.position())
  const found = await index.find(subscriber.cursor(), topics, MAX_EVENTS)
  if (found === null) return null
  const frames = await archive.load(found.seqs)
  if (frames.length < found.seqs.length) return null
  return { frames: frames.filter((frame) => hasTopic(frame, topics)), through: found.through, source: 'log' }
}

async function fromRing(
  archive: Archive,
  recent: Frame[],
  topics: ReadonlySet<string>,
  position: number,
): Promise<Missed | null> {
  const all = recent.filter((frame) => hasTopic(frame, topics))
  const frames = all.slice(0, MAX_EVENTS)
  const through = frames.length < all.length ? frames.at(-1)!.seq : position
  if (!frames.some(isOutdated)) return { frames, through, source: 'memory' }
  const loaded = await archive.load(frames.map(({ seq }) => seq))
  return loaded.length < frames.length ? null : { frames: loaded, through, source: 'log' }
}

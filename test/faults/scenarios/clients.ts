import { pause, until } from '../cluster.ts'
import { startFollower, type Follower } from '../follower.ts'
import { residentBytes } from '../monitor.ts'
import { layNarrowLink, type NarrowLink } from '../narrow-link.ts'
import type { Fault, Scene } from '../run.ts'
import type { Writers } from '../writers.ts'

const EVENT_BYTES = 20_000
/** The megabyte that the service keeps for each client, and as much again for what is on its way. */
const CUT_AFTER_BYTES = 2 * 1024 * 1024

export const deaf: Fault = {
  name: 'a client does not read',
  hold: { long: 20_000, short: 1_000 },
  // It comes back after its `retry:`, up to 8 s.
  heals: 10_000,
  // Every event carries the whole card, 20 kB.
  writers: {
    filler: () => '\u{1f980}'.repeat(4_900),
    every: 60,
    async follow(send, post) {
      for (const what of ['like', 'unlike', 'like', 'unlike', 'like']) await send(`/posts/${post}/${what}`)
    },
  },
  async happen(scene) {
    const [node] = scene.cluster.nodes
    const link = await layNarrowLink(node!.instance.origin)
    try {
      await stopReading(scene, link)
    } finally {
      link.close()
    }
  },
}

async function stopReading(
  { cluster, followers, writers, hold, breach, note }: Scene,
  link: NarrowLink,
): Promise<void> {
  const others = [...followers]
  let { origin } = link
  const { from } = others[0]!
  const slow = startFollower({ origin: () => origin, person: cluster.followers[0]!, from })
  followers.push(slow)
  // During a replay the service waits for the client instead of cutting it, so the client must be live first.
  await until(
    () => newestId(slow) >= Math.max(...others.map(newestId)),
    20_000,
    'the stalled client to be live',
  )

  link.stop()
  const start = Date.now()
  const before = slow.ledger.length
  const behind = () => Math.min(...others.map((one) => eventsSince(one, start))) * EVENT_BYTES
  await until(() => behind() > CUT_AFTER_BYTES, 30_000, 'enough to fall behind').catch((error: Error) =>
    breach(error.message),
  )
  await pause(hold)
  const memory = await Promise.all(cluster.nodes.map(async (one) => megabytes(await residentBytes(one))))
  note(
    `${megabytes(behind())} behind, its instance at ${memory[0]} and the others at ${memory.slice(1).join(', ')}`,
  )
  note(`from a request to the others ${p99(arrivals(others, writers, start))} ms at p99`)
  const counts = others.map((one) => eventsSince(one, start))
  if (slow.ledger.length > before + 50) breach('it went on reading')
  if (Math.min(...counts) < Math.max(...counts) - 50) breach('the others were held up too')

  // It takes the little that was on its way, finds the end of the stream, and comes back with its cursor.
  const { connection } = slow.ledger.at(-1)!
  origin = cluster.balancer.origin
  link.goOn()
  await until(() => slow.ledger.at(-1)!.connection > connection, 15_000, 'its connection to be cut').catch(
    (error: Error) => breach(error.message),
  )
}

function newestId({ ledger, from }: Follower): number {
  return ledger.reduce((newest, entry) => ('id' in entry ? Math.max(newest, entry.id) : newest), from)
}

function eventsSince({ ledger }: Follower, start: number): number {
  return ledger.filter(({ kind, at }) => kind === 'event' && at >= start).length
}

/** How long posts sent since `start` took to each of the followers, in ms. */
function arrivals(followers: Follower[], { writes }: Writers, start: number): number[] {
  const sent = new Map(writes.map(({ body, sentAt }) => [body, sentAt]))
  return followers.flatMap(({ ledger }) =>
    ledger.flatMap((entry) => {
      if (entry.kind !== 'event' || entry.event !== 'post' || entry.about.body === null) return []
      const sentAt = sent.get(entry.about.body) ?? 0
      return sentAt >= start ? [entry.at - sentAt] : []
    }),
  )
}

function p99(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`
}

export const restless: Fault = {
  name: 'clients reconnect all the time',
  hold: { long: 20_000, short: 4_000 },
  writers: { count: 50, every: 250 },
  restless: 100,
  async happen({ followers, hold, note }) {
    await pause(hold)
    const connections = followers.map(({ ledger }) => ledger.at(-1)?.connection ?? 0)
    note(`${connections.reduce((sum, one) => sum + one, 0)} connections`)
  },
}

const kinds = ['€', 'é', '漢', '\u{1f600}', '\\"']

export const largePayloads: Fault = {
  name: 'payloads around 7,900 bytes',
  hold: { long: 20_000, short: 4_000 },
  writers: {
    filler: () => kinds[Math.floor(Math.random() * kinds.length)]!.repeat(1_800 + Math.random() * 300),
    every: 100,
    async follow(send, post) {
      await send(`/posts/${post}/like`)
      const { id: comment } = await send(`/posts/${post}/comments`, { body: 'ü'.repeat(1_900) })
      await send(`/comments/${comment}/like`)
      await send(`/comments/${comment}/edit`, { body: 'a shorter one' })
      await send(`/comments/${comment}/unlike`)
      await send(`/comments/${comment}/delete`)
      await send(`/posts/${post}/unlike`)
    },
  },
  async happen({ cluster, hold, note }) {
    await pause(hold)
    const [sizes] = await cluster.postgres.query<{ whole: string; told: string }>(
      `select count(*) filter (where octet_length(payload::text) < 7700) as whole,
         count(*) filter (where octet_length(payload::text) >= 7900) as told
       from (select payload from log order by seq desc limit 2000) newest`,
    )
    note(`${sizes!.whole} below, ${sizes!.told} above`)
  },
}

import { pause, until } from '../cluster/cluster.ts'
import { startFollower, type Follower } from '../follower.ts'
import { residentBytes } from '../monitor.ts'
import { openNarrowLink, type NarrowLink } from '../cluster/narrow-link.ts'
import type { Fault, FaultContext } from '../run.ts'
import type { Writers } from '../writers.ts'

const EVENT_BYTES = 20_000
/** The megabyte that the service buffers per client, and as much again in the network. */
const CLOSED_AFTER_BYTES = 2 * 1024 * 1024

export const stalledClient: Fault = {
  name: 'a client does not read',
  amount: { long: 20_000, short: 1_000 },
  // The client reconnects after its `retry:`, up to 8 s.
  recoveryLimit: 10_000,
  // Every event contains the whole post, 20 kB.
  writers: {
    filler: () => '\u{1f980}'.repeat(4_900),
    every: 60,
    async afterPost(send, post) {
      for (const action of ['like', 'unlike', 'like', 'unlike', 'like'])
        await send(`/posts/${post}/${action}`)
    },
  },
  async inject(context) {
    const [node] = context.cluster.nodes
    const link = await openNarrowLink(node!.instance.origin)
    try {
      await stopReading(context, link)
    } finally {
      link.close()
    }
  },
}

async function stopReading(
  { cluster, followers, writers, amount: duration, reportViolation, addRemark }: FaultContext,
  link: NarrowLink,
): Promise<void> {
  const others = [...followers]
  let { origin } = link
  const { from } = others[0]!
  const stalled = startFollower({
    origin: () => origin,
    person: cluster.followers[0]!,
    from,
    // Compressed, its waiting bytes would stay below the limit.
    encoding: 'identity',
  })
  followers.push(stalled)
  // During a replay the service waits for the client instead of closing its connection, so the client must be live
  // first.
  await until(
    () => newestId(stalled) >= Math.max(...others.map(newestId)),
    20_000,
    'the stalled client to be live',
  )

  link.pause()
  const start = Date.now()
  const before = stalled.ledger.length
  const behind = () => Math.min(...others.map((one) => eventsSince(one, start))) * EVENT_BYTES
  await until(() => behind() > CLOSED_AFTER_BYTES, 30_000, 'the client to fall behind').catch(
    (error: Error) => reportViolation(error.message),
  )
  await pause(duration)
  const memory = await Promise.all(cluster.nodes.map(async (one) => megabytes(await residentBytes(one))))
  addRemark(
    `${megabytes(behind())} behind, its instance at ${memory[0]} and the others at ${memory.slice(1).join(', ')}`,
  )
  addRemark(`p99 from a request to the others ${p99(arrivals(others, writers, start))} ms`)
  const counts = others.map((one) => eventsSince(one, start))
  if (stalled.ledger.length > before + 50) reportViolation('the stalled client received events')
  if (Math.min(...counts) < Math.max(...counts) - 50) reportViolation('other clients were delayed')

  // The client reads what was in the network, sees the end of the stream, and reconnects with its cursor.
  const { connection } = stalled.ledger.at(-1)!
  origin = cluster.balancer.origin
  link.resume()
  await until(
    () => stalled.ledger.at(-1)!.connection > connection,
    15_000,
    'its connection to be closed',
  ).catch((error: Error) => reportViolation(error.message))
}

function newestId({ ledger, from }: Follower): number {
  return ledger.reduce((newest, entry) => ('id' in entry ? Math.max(newest, entry.id) : newest), from)
}

function eventsSince({ ledger }: Follower, start: number): number {
  return ledger.filter(({ kind, at }) => kind === 'event' && at >= start).length
}

/** Returns how long each post sent since `start` took to each follower, in ms. */
function arrivals(followers: Follower[], { writes }: Writers, start: number): number[] {
  const sent = new Map(writes.map(({ body, sentAt }) => [body, sentAt]))
  return followers.flatMap(({ ledger }) =>
    ledger.flatMap((entry) => {
      if (entry.kind !== 'event' || entry.event !== 'post' || entry.summary.body === null) return []
      const sentAt = sent.get(entry.summary.body) ?? 0
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

export const reconnecting: Fault = {
  name: 'clients reconnect all the time',
  amount: { long: 20_000, short: 4_000 },
  writers: { count: 50, every: 250 },
  disconnectAfter: 100,
  async inject({ followers, amount: duration, addRemark }) {
    await pause(duration)
    const connections = followers.map(({ ledger }) => ledger.at(-1)?.connection ?? 0)
    addRemark(`${connections.reduce((sum, one) => sum + one, 0)} connections`)
  },
}

const characters = ['€', 'é', '漢', '\u{1f600}', '\\"']

export const largePayloads: Fault = {
  name: 'payloads around 7,900 bytes',
  amount: { long: 20_000, short: 4_000 },
  writers: {
    filler: () =>
      characters[Math.floor(Math.random() * characters.length)]!.repeat(1_800 + Math.random() * 300),
    every: 100,
    async afterPost(send, post) {
      await send(`/posts/${post}/like`)
      const { id: comment } = await send(`/posts/${post}/comments`, { body: 'ü'.repeat(1_900) })
      await send(`/comments/${comment}/like`)
      await send(`/comments/${comment}/edit`, { body: 'a shorter one' })
      await send(`/comments/${comment}/unlike`)
      await send(`/comments/${comment}/delete`)
      await send(`/posts/${post}/unlike`)
    },
  },
  async inject({ cluster, amount: duration, addRemark }) {
    await pause(duration)
    const [sizes] = await cluster.postgres.query<{ whole: string; cut: string }>(
      `select count(*) filter (where octet_length(payload::text) < 7700) as whole,
         count(*) filter (where octet_length(payload::text) >= 7900) as cut
       from (select payload from log order by seq desc limit 2000) newest`,
    )
    addRemark(`${sizes!.whole} below, ${sizes!.cut} above`)
  },
}

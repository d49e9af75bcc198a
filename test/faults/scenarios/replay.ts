import { get } from 'node:http'
import { client } from '../../support/http.ts'
import { pause, until, type Cluster, type Person } from '../cluster/cluster.ts'
import { writeForeignRows } from '../foreign-rows.ts'
import { startFollower, type Follower } from '../follower.ts'
import { probeLivez } from '../livez-probe.ts'
import { position } from '../monitor.ts'
import type { Fault, FaultContext } from '../run.ts'
import { newestSeq } from '../database-state.ts'

const STREAMS = 150
const PAGE_EVERY_MS = 50
const LIVEZ_LIMIT_MS = 1_000

interface RawStream {
  newest: number
  isClosed: boolean
  close(): void
}

/** Opens a stream and parses only its ids, so that the bench reads faster than an instance writes. */
function openRaw(origin: string, person: Person, cursor: number): RawStream {
  const headers = { cookie: person.client.cookie(), 'last-event-id': String(cursor) }
  let rest: Buffer = Buffer.alloc(0)
  const request = get(`${origin}/stream`, { headers, agent: false }, (response) => {
    response.on('error', () => {})
    response.on('close', () => (stream.isClosed = true))
    response.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const index = bytes.lastIndexOf('\nid: ')
      const id = index === -1 ? null : /^\nid: (\d+)\n/.exec(bytes.toString('latin1', index, index + 30))
      if (id) stream.newest = Number(id[1])
      rest = bytes.subarray(-30)
    })
  }).on('error', () => (stream.isClosed = true))
  const stream: RawStream = { newest: 0, isClosed: false, close: () => request.destroy() }
  return stream
}

/** Reads pages through the balancer until `stop`, which returns the statuses. */
function readPages({ balancer, followers }: Cluster): { stop(): Promise<number[]> } {
  let isRunning = true
  const statuses: number[] = []
  const reading = Promise.all(
    followers.map(async (person) => {
      while (isRunning) {
        const headers = { accept: 'application/json', cookie: person.client.cookie() }
        const response = await fetch(`${balancer.origin}/`, { headers })
        await response.arrayBuffer()
        statuses.push(response.status)
        await pause(PAGE_EVERY_MS)
      }
    }),
  )
  return {
    async stop() {
      isRunning = false
      await reading
      return statuses
    },
  }
}

/** Clients return after hours. They missed many events, and almost all of those are for others. */
export const oldCursors: Fault = {
  name: 'clients return with old cursors',
  amount: { long: 800_000, short: 40_000 },
  async inject({ cluster, amount: rows, reportViolation, addRemark }) {
    const [node] = cluster.nodes
    const cursor = await newestSeq(cluster)
    await writeForeignRows(cluster.postgres, rows)
    const target = await newestSeq(cluster)
    // No notification reports these rows. The instances find them in the log.
    await until(
      async () => (await Promise.all(cluster.nodes.map(position))).every((seq) => seq >= target),
      120_000,
      'the instances to read the rows',
    )
    const pages = readPages(cluster)
    const start = Date.now()
    const streams = Array.from({ length: STREAMS }, (_, n) =>
      openRaw(node!.instance.origin, cluster.strangers[n % cluster.strangers.length]!, cursor),
    )
    const last = streams.slice(-10) // a user may have ten streams: the older ones are closed when these open
    await until(() => last.every(({ newest }) => newest >= target), 60_000, 'the replays').catch(
      (error: Error) => reportViolation(error.message),
    )
    addRemark(`read past ${rows} events of others in ${((Date.now() - start) / 1000).toFixed(1)} s`)
    const statuses = await pages.stop()
    const failed = statuses.filter((status) => status !== 200)
    if (failed.length > 0) reportViolation(`${failed.length} of ${statuses.length} pages failed`)
    addRemark(`${statuses.length - failed.length} of ${statuses.length} pages 200`)
    for (const stream of streams) stream.close()
  },
}

/** A user unfollows while their stream is far behind, and the rows that it has not read are trimmed. */
export const rightLost: Fault = {
  name: 'a right is lost during a replay',
  amount: { long: 10_000, short: 2_500 },
  async prepare(cluster) {
    startedAt = await newestSeq(cluster)
    await writeForeignRows(cluster.postgres, 20_000)
  },
  async inject(context) {
    const { cluster, amount: duration, reportViolation, addRemark } = context
    const [author] = cluster.authors
    const name = `reader${Date.now() % 1_000_000}`
    const reader = await client(cluster.balancer.origin).register(name)
    await until(
      async () => (await reader.post(`/users/${author!.name}/follow`)).status < 300,
      10_000,
      'the follow to be answered',
    )
    const from = startedAt
    const followedAt = await newestSeq(cluster)
    // Otherwise the follow would reset these streams.
    await cluster.postgres.query(
      'update rights set seq = 0 where user_id = (select id from users where username = $1)',
      [name],
    )
    const person = { name, client: reader, csrf: '' }
    const streams = Array.from({ length: 8 }, () =>
      startFollower({ origin: () => cluster.balancer.origin, person, from }),
    )
    await until(() => streams.every(({ ledger }) => ledger.length > 0), 10_000, 'the streams of the reader')
    await until(
      async () => (await reader.post(`/users/${author!.name}/unfollow`)).status < 300,
      10_000,
      'the unfollow to be answered',
    )
    await cluster.postgres.query('delete from log where seq <= $1', [followedAt])
    await pause(duration)
    const late = await countLatePosts(context, name, author!, streams)
    if (late > 0) reportViolation(`${late} posts arrived that were written after the unfollow`)
    const blocks = streams.reduce((sum, { ledger }) => sum + ledger.length, 0)
    addRemark(`${blocks} blocks on ${streams.length} streams of the reader`)
    for (const stream of streams) stream.close()
  },
}
let startedAt = 0

async function countLatePosts(
  { cluster }: FaultContext,
  name: string,
  author: Person,
  streams: Follower[],
): Promise<number> {
  const [row] = await cluster.postgres.query<{ seq: number | null }>(
    `select max(seq)::float8 as seq from log
     where event = 'subscription' and payload ->> 'action' = 'ended'
       and topics = (select array['user:' || id] from users where username = $1)`,
    [name],
  )
  const unfollowedAt = row?.seq
  if (!unfollowedAt) throw new Error('the log has no event of the unfollow')
  return streams
    .flatMap(({ ledger }) => ledger)
    .filter(
      (entry) => entry.kind === 'event' && entry.id > unfollowedAt && entry.summary.author === author.name,
    ).length
}

/** As an importer: one commit sends megabytes to every client. */
export const burst: Fault = {
  name: 'one transaction of 300 posts',
  amount: { long: 10, short: 3 },
  async inject({ cluster, amount: followerCount, reportViolation, addRemark }) {
    const [node] = cluster.nodes
    const [author] = cluster.authors
    const cursor = await newestSeq(cluster)
    const people = await Promise.all(
      Array.from({ length: followerCount }, async (_, n) => {
        const name = `burst${n}_${Date.now() % 100_000}`
        const reader = await client(cluster.balancer.origin).register(name)
        await reader.post(`/users/${author!.name}/follow`)
        return { name, client: reader, csrf: '' }
      }),
    )
    const streams = people.flatMap((person) =>
      Array.from({ length: 10 }, () => openRaw(node!.instance.origin, person, cursor)),
    )
    await until(() => streams.every(({ newest }) => newest > 0), 20_000, 'the streams')
    const livez = probeLivez(node!.instance.origin)
    await cluster.postgres.query(
      `insert into posts (author_id, body)
       select u.id, 'burst ' || n || ' ' || $2 || repeat('漢', 4900)
       from users u, generate_series(1, 300) n where u.username = $1`,
      [author!.name, String(Date.now())],
    )
    const target = await newestSeq(cluster)
    const isDone = (stream: RawStream): boolean => stream.isClosed || stream.newest >= target
    await until(() => streams.every(isDone), 60_000, 'the burst').catch((error: Error) =>
      reportViolation(error.message),
    )
    const slowest = await livez.stop()
    const cut = streams.filter(({ isClosed }) => isClosed).length
    if (cut > 0) reportViolation(`${cut} of ${streams.length} clients that were reading were disconnected`)
    if (slowest > LIVEZ_LIMIT_MS) reportViolation(`/livez took ${slowest} ms`)
    addRemark(`${streams.length} streams; /livez within ${slowest} ms`)
    for (const stream of streams) stream.close()
  },
}

/** Authors delete posts. A client that returns later must not get their text. */
export const deletedPosts: Fault = {
  name: 'posts are deleted while clients sleep',
  amount: { long: 10_000, short: 2_000 },
  writers: {
    every: 60,
    async afterPost(send, post, write) {
      if (Number(post) % 3 !== 0) return
      if ((await send(`/posts/${post}/delete`)).status < 300) write.deletedAt = Date.now()
    },
  },
  async inject({ cluster, followers, amount: duration, addRemark, writers }) {
    const [{ from }] = followers as [Follower]
    await pause(duration)
    for (const person of cluster.followers) {
      followers.push(startFollower({ origin: () => cluster.balancer.origin, person, from }))
    }
    await pause(1_000)
    addRemark(`${writers.writes.filter(({ deletedAt }) => deletedAt).length} deleted`)
  },
}

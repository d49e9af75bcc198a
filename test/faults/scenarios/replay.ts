import { get } from 'node:http'
import { client } from '../../support/http.ts'
import { pause, until, type Cluster, type Person } from '../cluster.ts'
import { writeForeignRows } from '../foreign-rows.ts'
import { startFollower, type Follower } from '../follower.ts'
import { probeLivez } from '../livez-probe.ts'
import type { Fault, Scene } from '../run.ts'
import { newestSeq } from '../database-state.ts'

const STREAMS = 150
const PAGE_EVERY_MS = 50
const LIVEZ_WITHIN_MS = 1_000

interface RawStream {
  newest: number
  isCut: boolean
  close(): void
}

/** A stream that looks for ids alone, so that the bench reads faster than an instance writes. */
function openRaw(origin: string, person: Person, cursor: number): RawStream {
  const headers = { cookie: person.client.cookie(), 'last-event-id': String(cursor) }
  let rest: Buffer = Buffer.alloc(0)
  const request = get(`${origin}/stream`, { headers, agent: false }, (response) => {
    response.on('error', () => {})
    response.on('close', () => (stream.isCut = true))
    response.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const at = bytes.lastIndexOf('\nid: ')
      const id = at === -1 ? null : /^\nid: (\d+)\n/.exec(bytes.toString('latin1', at, at + 30))
      if (id) stream.newest = Number(id[1])
      rest = bytes.subarray(-30)
    })
  }).on('error', () => (stream.isCut = true))
  const stream: RawStream = { newest: 0, isCut: false, close: () => request.destroy() }
  return stream
}

/** Reads pages through the balancer until `stop`; returns the statuses. */
function readPages({ balancer, followers }: Cluster): { stop(): Promise<number[]> } {
  let isRunning = true
  const statuses: number[] = []
  const reading = Promise.all(
    followers.map(async (person) => {
      while (isRunning) {
        const headers = { accept: 'application/json', cookie: person.client.cookie() }
        const answer = await fetch(`${balancer.origin}/`, { headers })
        await answer.arrayBuffer()
        statuses.push(answer.status)
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

/** Clients that slept for hours: what they missed is far back, and almost all of it is not theirs. */
export const oldCursors: Fault = {
  name: 'clients return with old cursors',
  hold: { long: 800_000, short: 40_000 },
  async happen({ cluster, hold: rows, breach, note }) {
    const [node] = cluster.nodes
    const cursor = await newestSeq(cluster)
    await writeForeignRows(cluster.postgres, rows)
    const target = await newestSeq(cluster)
    const pages = readPages(cluster)
    const start = Date.now()
    const streams = Array.from({ length: STREAMS }, (_, n) =>
      openRaw(node!.instance.origin, cluster.strangers[n % cluster.strangers.length]!, cursor),
    )
    const last = streams.slice(-10) // a person has ten streams: the others end when these open
    await until(() => last.every(({ newest }) => newest >= target), 60_000, 'the replays').catch(
      (error: Error) => breach(error.message),
    )
    note(`${rows} events of others passed after ${((Date.now() - start) / 1000).toFixed(1)} s`)
    const statuses = await pages.stop()
    const failed = statuses.filter((status) => status !== 200)
    if (failed.length > 0) breach(`${failed.length} of ${statuses.length} pages failed`)
    note(`${statuses.length - failed.length} of ${statuses.length} pages 200`)
    for (const stream of streams) stream.close()
  },
}

/** Somebody unfollows while their stream is far behind, and the rows that it still has to read are trimmed. */
export const rightLost: Fault = {
  name: 'a right is lost during a replay',
  hold: { long: 10_000, short: 2_500 },
  async prepare(cluster) {
    startedAt = await newestSeq(cluster)
    await writeForeignRows(cluster.postgres, 20_000)
  },
  async happen(scene) {
    const { cluster, hold, breach, note } = scene
    const [author] = cluster.authors
    const name = `reader${Date.now() % 1_000_000}`
    const reader = await client(cluster.balancer.origin).register(name)
    await reader.post(`/users/${author!.name}/follow`)
    const from = startedAt
    const followedAt = await newestSeq(cluster)
    // Past the change of rights that following was; as many streams as one person may have.
    await cluster.postgres.query(
      'update rights set seq = 0 where user_id = (select id from users where username = $1)',
      [name],
    )
    const person = { name, client: reader, csrf: '' }
    const streams = Array.from({ length: 8 }, () =>
      startFollower({ origin: () => cluster.balancer.origin, person, from }),
    )
    await until(() => streams.every(({ ledger }) => ledger.length > 0), 10_000, 'the streams of the reader')
    await reader.post(`/users/${author!.name}/unfollow`)
    await cluster.postgres.query('delete from log where seq <= $1', [followedAt])
    await pause(hold)
    const late = await countLate(scene, name, author!, streams)
    if (late > 0) breach(`${late} posts arrived that were written after the unfollow`)
    const others = streams.reduce((sum, { ledger }) => sum + ledger.length, 0)
    note(`${others} blocks on ${streams.length} streams of the reader`)
    for (const stream of streams) stream.close()
  },
}
let startedAt = 0

async function countLate(
  { cluster }: Scene,
  name: string,
  author: Person,
  streams: Follower[],
): Promise<number> {
  const [row] = await cluster.postgres.query<{ seq: number }>(
    `select max(seq)::float8 as seq from log
     where event = 'subscription' and payload ->> 'action' = 'ended'
       and topics = (select array['user:' || id] from users where username = $1)`,
    [name],
  )
  return streams
    .flatMap(({ ledger }) => ledger)
    .filter((entry) => entry.kind === 'event' && entry.id > row!.seq && entry.about.author === author.name)
    .length
}

/** An importer: one commit, and every client has megabytes to read. */
export const burst: Fault = {
  name: 'one transaction of 300 posts',
  hold: { long: 40, short: 10 },
  async happen({ cluster, hold: perStranger, breach, note }) {
    const [node] = cluster.nodes
    const [author] = cluster.authors
    const cursor = await newestSeq(cluster)
    const people = await Promise.all(
      Array.from({ length: perStranger }, async (_, n) => {
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
    const isDone = (stream: RawStream): boolean => stream.isCut || stream.newest >= target
    await until(() => streams.every(isDone), 60_000, 'the burst').catch((error: Error) =>
      breach(error.message),
    )
    const slowest = await livez.stop()
    const cut = streams.filter(({ isCut }) => isCut).length
    if (cut > 0) breach(`${cut} of ${streams.length} clients that read were cut`)
    if (slowest > LIVEZ_WITHIN_MS) breach(`/livez took ${slowest} ms`)
    note(`${streams.length} streams; /livez within ${slowest} ms`)
    for (const stream of streams) stream.close()
  },
}

/** People delete what they wrote; a client that slept meanwhile must not be sent it. */
export const deletedPosts: Fault = {
  name: 'posts are deleted while clients sleep',
  hold: { long: 10_000, short: 2_000 },
  writers: {
    every: 60,
    async follow(send, post, write) {
      if (Number(post) % 3 !== 0) return
      if ((await send(`/posts/${post}/delete`)).status < 300) write.deletedAt = Date.now()
    },
  },
  async happen({ cluster, followers, hold, note, writers }) {
    const [{ from }] = followers as [Follower]
    await pause(hold)
    for (const person of cluster.followers) {
      followers.push(startFollower({ origin: () => cluster.balancer.origin, person, from }))
    }
    await pause(1_000)
    note(`${writers.writes.filter(({ deletedAt }) => deletedAt).length} deleted`)
  },
}

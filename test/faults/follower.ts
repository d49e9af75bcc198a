import { request as sendRequest, type ClientRequest } from 'node:http'
import { readZstdFrames } from '../../conformance/zstd.ts'
import { pause, type Person } from './cluster/cluster.ts'
import { readBlocks, type Block } from './blocks.ts'

/** One thing that a follower received. `connection` counts from 1, `at` is in milliseconds. */
export type Entry = { connection: number; at: number } & (
  | { kind: 'event'; id: number; event: string; summary: EventSummary }
  | { kind: 'reset' | 'beat' | 'opened'; id: number }
  | { kind: 'pages'; bodies: string[] }
)

export interface EventSummary {
  author: string | null
  body: string | null
  action: string | null
}

/** A client of the home stream. Reconnects as a browser does: after `retry:`, with Last-Event-ID. */
export interface Follower {
  name: string
  /** The cursor at the start. */
  from: number
  ledger: Entry[]
  /** Whether it has received a post with this body, in an event or on a page. */
  has(body: string): boolean
  /** Whether it is loading pages after a reset. */
  reloading(): boolean
  close(): void
}

export interface FollowerOptions {
  origin: () => string
  person: Person
  from: number
  /** Milliseconds after which it closes each connection. */
  disconnectAfter?: number
  /** By default every other connection takes zstd, at random. */
  encoding?: 'identity'
}

/** A page reconnects after this time without a beat or an event (src/browser/sync/stream.ts). */
const SILENCE_MS = 25_000

export function startFollower({
  origin,
  person,
  from,
  disconnectAfter,
  encoding,
}: FollowerOptions): Follower {
  const started = Date.now()
  const ledger: Entry[] = []
  const bodies = new Set<string>()
  let cursor = from
  let retry = 1_000
  let connection = 0
  let closed = false
  let reloads = 0
  let request: ClientRequest | null = null

  function take({ id, event, data, retry: wait }: Block): void {
    if (wait !== null) retry = wait
    if (id === null) return
    const entry = { connection, at: Date.now(), id }
    cursor = id
    if (data === null) ledger.push({ ...entry, kind: 'opened' })
    else if (event === 'beat') ledger.push({ ...entry, kind: 'beat' })
    else if (event === 'reset') {
      ledger.push({ ...entry, kind: 'reset' })
      void reload()
    } else {
      const summary = summarize(data)
      ledger.push({ ...entry, kind: 'event', event, summary })
      if (summary.body !== null) bodies.add(summary.body)
    }
  }

  /** Loads the home page again, as a page does after a reset, back to the start of this follower. */
  async function reload(): Promise<void> {
    const loaded: string[] = []
    reloads += 1
    for (let path: string | null = '/'; path !== null && !closed;) {
      const headers = { accept: 'application/json', cookie: person.client.cookie() }
      const signal = AbortSignal.timeout(8_000)
      const response: Response | null = await fetch(origin() + path, { headers, signal }).catch(() => null)
      const page: HomePage | null = response?.ok ? await response.json().catch(() => null) : null
      if (page === null) {
        await pause(300)
        continue
      }
      loaded.push(...page.posts.map((post) => post.body))
      const older = page.posts.some(({ entry }) => Date.parse(entry.at) < started)
      path = older ? null : page.before && `/?before=${encodeURIComponent(page.before)}`
    }
    for (const body of loaded) bodies.add(body)
    reloads -= 1
    ledger.push({ kind: 'pages', connection, at: Date.now(), bodies: loaded })
  }

  async function connect(): Promise<void> {
    connection += 1
    const headers = {
      accept: 'text/event-stream',
      cookie: person.client.cookie(),
      'last-event-id': String(cursor),
      'accept-encoding': encoding ?? (Math.random() < 0.5 ? 'zstd' : 'identity'),
    }
    const ended = Promise.withResolvers<void>()
    let disconnectTimer: NodeJS.Timeout | undefined
    request = sendRequest(`${origin()}/stream`, { headers, agent: false })
    request.on('error', () => ended.resolve())
    request.on('close', () => ended.resolve())
    request.on('response', (response) => {
      if (response.statusCode !== 200) {
        request?.destroy()
        return
      }
      const read = readBlocks(take)
      const isCompressed = response.headers['content-encoding'] === 'zstd'
      response.on('data', isCompressed ? readZstdFrames(read) : read)
      response.on('error', () => {})
      if (disconnectAfter) disconnectTimer = setTimeout(() => request?.destroy(), disconnectAfter)
    })
    request.setTimeout(SILENCE_MS, () => request?.destroy())
    request.end()
    await ended.promise
    clearTimeout(disconnectTimer)
  }

  async function follow(): Promise<void> {
    while (!closed) {
      await connect()
      if (!closed) await pause(disconnectAfter ? 0 : retry)
    }
  }

  void follow()
  return {
    name: person.name,
    from,
    ledger,
    has: (body) => bodies.has(body),
    reloading: () => reloads > 0,
    close() {
      closed = true
      request?.destroy()
    },
  }
}

function summarize(data: string): EventSummary {
  const { action, post } = JSON.parse(data) as { action?: string; post?: { body?: string; author?: Named } }
  return { action: action ?? null, body: post?.body ?? null, author: post?.author?.username ?? null }
}

interface Named {
  username: string
}

interface HomePage {
  posts: { body: string; entry: { at: string } }[]
  before: string | null
}

import { request as ask, type ClientRequest } from 'node:http'
import { pause, type Person } from './cluster.ts'
import { readBlocks, type Block } from './blocks.ts'

/** What one follower got, in the order in which it came; `connection` counts from 1. */
export type Entry = { connection: number; at: number } & (
  | { kind: 'event'; id: number; event: string; about: About }
  | { kind: 'reset' | 'beat' | 'opened'; id: number }
  | { kind: 'pages'; bodies: string[] }
)

export interface About {
  author: string | null
  body: string | null
  action: string | null
}

/** A follower with the manners of a browser: comes back after `retry:`, with Last-Event-ID. */
export interface Follower {
  name: string
  /** The cursor that it started from. */
  from: number
  ledger: Entry[]
  /** Whether an event or a page brought a post with this body. */
  has(body: string): boolean
  /** Whether it loads the pages just now. */
  reloading(): boolean
  close(): void
}

export interface FollowerOptions {
  origin: () => string
  person: Person
  from: number
  /** Hangs up so many ms after each answer. */
  restless?: number
}

/** Without a beat or an event for so long a page gives its link up (src/browser/sync/stream.ts). */
const SILENCE_MS = 25_000

export function startFollower({ origin, person, from, restless }: FollowerOptions): Follower {
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
      const about = aboutOf(data)
      ledger.push({ ...entry, kind: 'event', event, about })
      if (about.body !== null) bodies.add(about.body)
    }
  }

  /** What a page does on a reset: loads the state anew, as far back as this follower's story goes. */
  async function reload(): Promise<void> {
    const loaded: string[] = []
    reloads += 1
    for (let path: string | null = '/'; path !== null && !closed;) {
      const headers = { accept: 'application/json', cookie: person.client.cookie() }
      const signal = AbortSignal.timeout(8_000)
      const answer: Response | null = await fetch(origin() + path, { headers, signal }).catch(() => null)
      const page: HomePage | null = answer?.ok ? await answer.json().catch(() => null) : null
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
    }
    const over = Promise.withResolvers<void>()
    let hangUp: NodeJS.Timeout | undefined
    request = ask(`${origin()}/stream`, { headers, agent: false })
    request.on('error', () => over.resolve())
    request.on('close', () => over.resolve())
    request.on('response', (answer) => {
      if (answer.statusCode !== 200) {
        request?.destroy()
        return
      }
      answer.on('data', readBlocks(take))
      answer.on('error', () => {})
      if (restless) hangUp = setTimeout(() => request?.destroy(), restless)
    })
    request.setTimeout(SILENCE_MS, () => request?.destroy())
    request.end()
    await over.promise
    clearTimeout(hangUp)
  }

  async function follow(): Promise<void> {
    while (!closed) {
      await connect()
      if (!closed) await pause(restless ? 0 : retry)
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

function aboutOf(data: string): About {
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

import type { Person } from './cluster/cluster.ts'
import { pause } from './cluster/cluster.ts'

/** One attempt to write a post. `body` is unique. */
export interface Write {
  body: string
  author: string
  sentAt: number
  /** When a response confirmed that it is stored; null if it was refused, or if no response arrived. */
  confirmedAt: number | null
  /** When a response confirmed the deletion. */
  deletedAt?: number
}

export interface Writers {
  /** All attempts so far, including unfinished ones. */
  writes: Write[]
  /** Counts responses of 500 and above. `slowest`, in ms, excludes those of the balancer. */
  refusals(): { count: number; slowest: number; withoutRetryAfter: number }
  /** A response that no fault explains; null if there was none. */
  unexpectedResponse(): string | null
  stop(): Promise<void>
}

export interface WriterOptions {
  origin: string
  people: Person[]
  /** How many writers run at the same time. */
  count: number
  /** Milliseconds between two posts of one writer. */
  every: number
  /** Text to add to each body. */
  filler?: () => string
  /** Called after each confirmed post. */
  afterPost?: (send: Send, id: string, write: Write) => Promise<void>
}

export type Send = (path: string, body?: object) => Promise<{ status: number; id: string | null }>

const TIMEOUT_MS = 12_000
let number = 0

/**
 * Starts writers that post through the balancer until `stop`. If no response arrives, every other writer sends the post
 * again with the same client_key, as a page does; the others write the next post.
 */
export function startWriters({ origin, people, count, every, filler, afterPost }: WriterOptions): Writers {
  const writes: Write[] = []
  let running = true
  let refused = 0
  let slowest = 0
  let withoutRetryAfter = 0
  let unexpected: string | null = null

  async function send(person: Person, path: string, body: object): ReturnType<Send> {
    const start = Date.now()
    const response = await fetch(origin + path, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        cookie: person.client.cookie(),
        'x-csrf-token': person.csrf,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    if (response.status >= 500) {
      refused += 1
      if (!response.headers.has('x-balancer')) slowest = Math.max(slowest, Date.now() - start)
      if (!response.headers.has('retry-after')) withoutRetryAfter += 1
    } else if (response.status >= 400 && path === '/posts') {
      unexpected = `a post got ${response.status}: ${text.slice(0, 200)}`
    }
    const created = response.status < 300 ? (JSON.parse(text) as { post?: Created; comment?: Created }) : null
    return { status: response.status, id: created?.post?.id ?? created?.comment?.id ?? null }
  }

  async function write(person: Person, retries: boolean): Promise<void> {
    const key = `no ${++number}`
    const body = `${key} ${filler?.() ?? ''}`.trim()
    const attempt: Write = { body, author: person.name, sentAt: Date.now(), confirmedAt: null }
    writes.push(attempt)
    do {
      const { id } = await send(person, '/posts', { body, client_key: key }).catch(() => ({ id: null }))
      if (id !== null) {
        attempt.confirmedAt = Date.now()
        await afterPost?.((path, more = {}) => send(person, path, more), id, attempt).catch(() => {})
      } else {
        await pause(200)
      }
    } while (running && retries && attempt.confirmedAt === null)
  }

  async function work(n: number): Promise<void> {
    const person = people[n % people.length]!
    while (running) {
      await write(person, n % 2 === 0)
      await pause(every * (0.5 + Math.random()))
    }
  }

  const all = Array.from({ length: count }, (_, n) => work(n))
  return {
    writes,
    unexpectedResponse: () => unexpected,
    refusals: () => ({ count: refused, slowest, withoutRetryAfter }),
    async stop() {
      running = false
      await Promise.all(all)
    },
  }
}

interface Created {
  id: string
}

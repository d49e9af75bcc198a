import type { Person } from './cluster.ts'
import { pause } from './cluster.ts'

/** One post that somebody tried to write. `body` is unlike any other's. */
export interface Write {
  body: string
  author: string
  sentAt: number
  /** When an answer said that it is stored; null: refused, or no answer, and nobody knows. */
  answeredAt: number | null
  /** When an answer said that it is deleted. */
  deletedAt?: number
}

export interface Writers {
  /** All attempts so far, those under way included. */
  writes: Write[]
  /** Answers of 500 and above, and how long the slowest of the service's own took, in ms. */
  refusals(): { count: number; slowest: number; withoutRetryAfter: number }
  /** An answer that no fault excuses, if there was one. */
  wrong(): string | null
  stop(): Promise<void>
}

export interface WriterOptions {
  origin: string
  people: Person[]
  /** How many write at the same time. */
  count: number
  /** Milliseconds between two posts of one writer. */
  every: number
  /** The text that makes the body as long as this fault wants it. */
  filler?: () => string
  /** What else a writer does with each post that was answered. */
  follow?: (send: Send, id: string, write: Write) => Promise<void>
}

export type Send = (path: string, body?: object) => Promise<{ status: number; id: string | null }>

const PATIENCE_MS = 12_000
let number = 0

/**
 * Everybody posts through the balancer until told to stop. Every other writer, where it got no answer, sends the same
 * again with the same client_key, as a page does; the rest leave it open.
 */
export function startWriters({ origin, people, count, every, filler, follow }: WriterOptions): Writers {
  const writes: Write[] = []
  let running = true
  let refused = 0
  let slowest = 0
  let withoutRetryAfter = 0
  let wrong: string | null = null

  async function send(person: Person, path: string, body: object): ReturnType<Send> {
    const start = Date.now()
    const answer = await fetch(origin + path, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        cookie: person.client.cookie(),
        'x-csrf-token': person.csrf,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const text = await answer.text()
    if (answer.status >= 500) {
      refused += 1
      if (!answer.headers.has('x-balancer')) slowest = Math.max(slowest, Date.now() - start)
      if (!answer.headers.has('retry-after')) withoutRetryAfter += 1
    } else if (answer.status >= 400 && path === '/posts') {
      wrong = `a post was answered by ${answer.status}: ${text.slice(0, 200)}`
    }
    const made = answer.status < 300 ? (JSON.parse(text) as { post?: Made; comment?: Made }) : null
    return { status: answer.status, id: made?.post?.id ?? made?.comment?.id ?? null }
  }

  async function write(person: Person, stubborn: boolean): Promise<void> {
    const key = `no ${++number}`
    const body = `${key} ${filler?.() ?? ''}`.trim()
    const attempt: Write = { body, author: person.name, sentAt: Date.now(), answeredAt: null }
    writes.push(attempt)
    do {
      const { id } = await send(person, '/posts', { body, client_key: key }).catch(() => ({ id: null }))
      if (id !== null) {
        attempt.answeredAt = Date.now()
        await follow?.((path, more = {}) => send(person, path, more), id, attempt).catch(() => {})
      } else {
        await pause(200)
      }
    } while (running && stubborn && attempt.answeredAt === null)
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
    wrong: () => wrong,
    refusals: () => ({ count: refused, slowest, withoutRetryAfter }),
    async stop() {
      running = false
      await Promise.all(all)
    },
  }
}

interface Made {
  id: string
}

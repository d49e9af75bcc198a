import { isDeepStrictEqual } from 'node:util'
import type { Entry } from './follower.ts'
import type { Write } from './writers.ts'

/** What the database holds once all is over. */
export interface Truth {
  /** The log, without the rows about rights, which no client sees. */
  log: { seq: number; topics: string[]; body: string | null; created: boolean }[]
  /** How many posts there are with each body. */
  posts: Map<string, number>
}

export interface Ledger {
  name: string
  from: number
  /** When the database went back: the next reset begins a new count, whatever its number. */
  forgottenAt?: number
  entries: Entry[]
  topics: ReadonlySet<string>
  /** Whose posts this follower may see. */
  followed: ReadonlySet<string>
}

export interface Verdict {
  lost: number
  duplicates: number
  disorder: number
  leaks: number
}

export const faultless: Verdict = { lost: 0, duplicates: 0, disorder: 0, leaks: 0 }

/**
 * Compares what one follower got with what the database holds, in the manner of Jepsen's set test. Every row of the
 * log that was for it must have come, once, in order; or a `reset` said that some are missing, and then the pages
 * that were loaded because of it must have brought the posts. What an answer said to be stored must be there.
 */
export function check(ledger: Ledger, { log, posts }: Truth, writes: readonly Write[]): Verdict {
  const { ids, resets, floor, ...faults } = readThrough(ledger)
  const verdict: Verdict = { ...faultless, ...faults }
  const seen = new Set(ledger.entries.flatMap(bodiesOf))
  const missing = new Set<string>()

  for (const { seq, topics, body, created } of log) {
    if (seq <= floor || ids.has(seq) || !topics.some((topic) => ledger.topics.has(topic))) continue
    const told = resets.some(({ after, upTo }) => seq > after && seq <= upTo)
    const still = created && body !== null && posts.has(body)
    if (!told || (still && !seen.has(body))) missing.add(created && body !== null ? body : `seq ${seq}`)
  }
  verdict.leaks += countDeleted(ledger.entries, writes)
  for (const { body, author, answeredAt, deletedAt } of writes) {
    if (answeredAt === null || deletedAt !== undefined || !ledger.followed.has(author)) continue
    if (!posts.has(body) || !seen.has(body)) missing.add(body)
  }
  verdict.lost += missing.size
  for (const count of posts.values()) verdict.duplicates += count - 1
  return verdict
}

/** The event that says so may take this long to reach the instance that replays. */
const DELETION_MS = 1_000

/** Events with the text of a post that was deleted before the connection began. */
function countDeleted(entries: readonly Entry[], writes: readonly Write[]): number {
  const deletedAt = new Map(writes.map((write) => [write.body, write.deletedAt ?? Infinity]))
  let openedAt = 0
  let count = 0
  for (const entry of entries) {
    if (entry.kind === 'opened') openedAt = entry.at
    if (entry.kind !== 'event' || entry.about.body === null) continue
    if ((deletedAt.get(entry.about.body) ?? Infinity) < openedAt - DELETION_MS) count += 1
  }
  return count
}

export function add(a: Verdict, b: Verdict): Verdict {
  return {
    lost: a.lost + b.lost,
    duplicates: a.duplicates + b.duplicates,
    disorder: a.disorder + b.disorder,
    leaks: a.leaks + b.leaks,
  }
}

export function isFaultless(verdict: Verdict): boolean {
  return isDeepStrictEqual(verdict, faultless)
}

/** Walks along the ledger, with the cursor that the follower had at each place. */
function readThrough({ entries, from, followed, forgottenAt = Infinity }: Ledger) {
  let began = forgottenAt
  const verdict = { ...faultless }
  let ids = new Set<number>()
  let created = new Set<string>()
  let resets: { after: number; upTo: number }[] = []
  let cursor = from
  /** The last that anything was told of: an opening moves the cursor, and tells nothing. */
  let told = from
  /** Where the numbers began anew: what was before, the database has forgotten. */
  let floor = from

  for (const entry of entries) {
    if (entry.kind === 'pages') continue
    if (entry.kind === 'reset') {
      if (entry.id < cursor || entry.at >= began) {
        began = Infinity
        ids = new Set()
        created = new Set()
        resets = []
        floor = entry.id
      } else resets.push({ after: told, upTo: entry.id })
    } else if (entry.kind === 'event') {
      const { author, body, action } = entry.about
      const isPost = entry.event === 'post' && action === 'created' && body !== null
      if (ids.has(entry.id) || (isPost && created.has(body))) verdict.duplicates += 1
      else if (entry.id <= cursor) verdict.disorder += 1
      if (author !== null && !followed.has(author)) verdict.leaks += 1
      ids.add(entry.id)
      if (isPost) created.add(body)
    } else if (entry.id < cursor) verdict.disorder += 1
    cursor = entry.id
    if (entry.kind !== 'opened') told = cursor
  }
  return { ids, resets, floor, ...verdict }
}

function bodiesOf(entry: Entry): string[] {
  if (entry.kind === 'pages') return entry.bodies
  return entry.kind === 'event' && entry.about.body !== null ? [entry.about.body] : []
}

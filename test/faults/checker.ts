import { isDeepStrictEqual } from 'node:util'
import type { Entry } from './follower.ts'
import type { Write } from './writers.ts'

/** The content of the database after the fault. */
export interface DatabaseState {
  /** The log without the changes of rights, which clients do not see. */
  log: { seq: number; topics: string[]; body: string | null; created: boolean }[]
  /** The number of posts by body. */
  posts: Map<string, number>
}

/** Everything that one follower received, and what it may see. */
export interface Ledger {
  name: string
  from: number
  /** When the database was restored. The next reset starts a new count, whatever its number. */
  restoredAt?: number
  entries: Entry[]
  topics: ReadonlySet<string>
  /** Names of the authors whose posts this follower may see. */
  followed: ReadonlySet<string>
}

/** How many anomalies of each kind were found. */
export interface Anomalies {
  lost: number
  duplicates: number
  disorder: number
  leaks: number
}

export const noAnomalies: Anomalies = { lost: 0, duplicates: 0, disorder: 0, leaks: 0 }

/**
 * Compares the events that one follower received with the database, like Jepsen's set test. The follower must have
 * received every row of the log that has one of its topics, once and in order. A `reset` allows rows to be missing;
 * then the pages that it loaded must contain the posts. A post that a response confirmed must be stored.
 */
export function check(ledger: Ledger, { log, posts }: DatabaseState, writes: readonly Write[]): Anomalies {
  const { ids, resets, floor, ...counts } = readLedger(ledger)
  const anomalies: Anomalies = { ...noAnomalies, ...counts }
  const seen = new Set(ledger.entries.flatMap(bodiesOf))
  const missing = new Set<string>()

  for (const { seq, topics, body, created } of log) {
    if (seq <= floor || ids.has(seq) || !topics.some((topic) => ledger.topics.has(topic))) continue
    const isCovered = resets.some(({ after, upTo }) => seq > after && seq <= upTo)
    const exists = created && body !== null && posts.has(body)
    if (!isCovered || (exists && !seen.has(body))) missing.add(created && body !== null ? body : `seq ${seq}`)
  }
  anomalies.leaks += countDeleted(ledger.entries, writes)
  for (const { body, author, confirmedAt, deletedAt } of writes) {
    if (confirmedAt === null || deletedAt !== undefined || !ledger.followed.has(author)) continue
    if (!posts.has(body) || !seen.has(body)) missing.add(body)
  }
  anomalies.lost += missing.size
  for (const count of posts.values()) anomalies.duplicates += count - 1
  return anomalies
}

/** The deletion event may take this long to reach the instance that replays. */
const DELETION_MS = 1_000

/** Counts events with the text of a post that was deleted before the connection began. */
function countDeleted(entries: readonly Entry[], writes: readonly Write[]): number {
  const deletedAt = new Map(writes.map((write) => [write.body, write.deletedAt ?? Infinity]))
  let openedAt = 0
  let count = 0
  for (const entry of entries) {
    if (entry.kind === 'opened') openedAt = entry.at
    if (entry.kind !== 'event' || entry.summary.body === null) continue
    if ((deletedAt.get(entry.summary.body) ?? Infinity) < openedAt - DELETION_MS) count += 1
  }
  return count
}

export function add(a: Anomalies, b: Anomalies): Anomalies {
  return {
    lost: a.lost + b.lost,
    duplicates: a.duplicates + b.duplicates,
    disorder: a.disorder + b.disorder,
    leaks: a.leaks + b.leaks,
  }
}

export function isEmpty(anomalies: Anomalies): boolean {
  return isDeepStrictEqual(anomalies, noAnomalies)
}

/** Counts duplicates, disorder and leaks in the ledger, and collects its ids and resets. */
function readLedger({ entries, from, followed, restoredAt = Infinity }: Ledger) {
  let restartAt = restoredAt
  const anomalies = { ...noAnomalies }
  let ids = new Set<number>()
  let created = new Set<string>()
  let resets: { after: number; upTo: number }[] = []
  let cursor = from
  /** The last number of an event, beat or reset. An opening moves the cursor, but confirms no earlier events. */
  let confirmed = from
  /** The reset after which the numbers started again. The database has lost the rows before it. */
  let floor = from

  for (const entry of entries) {
    if (entry.kind === 'pages') continue
    if (entry.kind === 'reset') {
      if (entry.id < cursor || entry.at >= restartAt) {
        restartAt = Infinity
        ids = new Set()
        created = new Set()
        resets = []
        floor = entry.id
      } else resets.push({ after: confirmed, upTo: entry.id })
    } else if (entry.kind === 'event') {
      const { author, body, action } = entry.summary
      const isPost = entry.event === 'post' && action === 'created' && body !== null
      if (ids.has(entry.id) || (isPost && created.has(body))) anomalies.duplicates += 1
      else if (entry.id <= cursor) anomalies.disorder += 1
      if (author !== null && !followed.has(author)) anomalies.leaks += 1
      ids.add(entry.id)
      if (isPost) created.add(body)
    } else if (entry.id < cursor) anomalies.disorder += 1
    cursor = entry.id
    if (entry.kind !== 'opened') confirmed = cursor
  }
  return { ids, resets, floor, ...anomalies }
}

function bodiesOf(entry: Entry): string[] {
  if (entry.kind === 'pages') return entry.bodies
  return entry.kind === 'event' && entry.summary.body !== null ? [entry.summary.body] : []
}

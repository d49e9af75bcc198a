import { add, check, noAnomalies, type Anomalies } from './checker.ts'
import { pause, until, type Cluster, type Node } from './cluster/cluster.ts'
import { startFollower, type Follower } from './follower.ts'
import { monitorInstances } from './monitor.ts'
import { newestSeq, readDatabaseState, topicsOf } from './database-state.ts'
import { startWriters, type WriterOptions, type Writers } from './writers.ts'

/** What a fault can use. */
export interface FaultContext {
  cluster: Cluster
  /** A fault may add followers. */
  followers: Follower[]
  writers: Writers
  /** The long or the short amount of the fault. */
  amount: number
  /** Says whether this instance may fail to respond from now on. */
  allowOutage(node: Node, allowed: boolean): void
  /** Reports a broken promise that the four counts do not show. */
  reportViolation(violation: string): void
  /** Adds a remark to the printed line. */
  addRemark(remark: string): void
  /** Says when the database was restored to an earlier state: it has lost the posts confirmed before. */
  markRestored(at: number): void
}

export interface Fault {
  name: string
  /** Milliseconds that it lasts, in the bench and in the tests; rows or people for some faults. */
  amount: { long: number; short: number }
  /** Milliseconds after the end of the cause within which a new post must reach every follower; 5,000 by default. */
  recoveryLimit?: number
  writers?: Partial<Omit<WriterOptions, 'origin' | 'people'>>
  /** Milliseconds after which followers close each connection. */
  disconnectAfter?: number
  /** Runs before the followers connect. */
  prepare?(cluster: Cluster): Promise<void>
  /** Injects the fault. Resolves when the cause has ended. */
  inject(context: FaultContext): Promise<void>
  /** Runs after the measurement: restores the cluster. */
  cleanUp?(context: FaultContext): Promise<void>
}

export interface Outcome extends Anomalies {
  name: string
  writes: number
  confirmed: number
  /** The longest time between two events at one follower, in ms. */
  gap: number
  /** From the end of the cause until a new post had reached every follower, in ms. */
  recovery: number
  refused: ReturnType<Writers['refusals']>
  violations: string[]
  remarks: string[]
}

const WARM_UP_MS = 700
const RECOVERY_TIMEOUT_MS = 40_000
const ARRIVAL_TIMEOUT_MS = 20_000
const REFUSAL_LIMIT_MS = 5_000

/** Runs writers and followers, injects the fault, waits for recovery, and compares the ledgers with the database. */
export async function run(fault: Fault, cluster: Cluster, form: 'long' | 'short'): Promise<Outcome> {
  await fault.prepare?.(cluster)
  await until(() => cluster.balancer.ready() === cluster.nodes.length, 30_000, 'all instances to be ready')
  const violations: string[] = []
  const remarks: string[] = []
  const from = await newestSeq(cluster)
  const { origin } = cluster.balancer
  const { disconnectAfter } = fault
  const followers = cluster.followers.map((person) =>
    startFollower({ origin: () => origin, person, from, ...(disconnectAfter && { disconnectAfter }) }),
  )
  await until(() => followers.every((one) => one.ledger.length > 0), 10_000, 'all followers to be connected')
  const people = [...cluster.authors, ...cluster.strangers]
  const writers = startWriters({
    origin,
    people,
    count: people.length * 2,
    every: 100,
    ...fault.writers,
  })
  const monitor = monitorInstances(cluster.nodes)
  let restoredAt: number | undefined
  const context: FaultContext = {
    cluster,
    followers,
    writers,
    amount: fault.amount[form],
    allowOutage: monitor.allowOutage,
    reportViolation: (violation) => violations.push(violation),
    addRemark: (remark) => remarks.push(remark),
    markRestored: (at) => (restoredAt = at),
  }

  try {
    await pause(WARM_UP_MS)
    const start = Date.now()
    await fault.inject(context)
    const recovery = await measureRecovery(context)
    const limit = fault.recoveryLimit ?? 5_000
    if (recovery > limit) violations.push(`recovered after ${recovery} ms, not within ${limit}`)
    await pause(WARM_UP_MS)
    const end = Date.now()
    await writers.stop()
    const remaining = writers.writes.filter(({ sentAt }) => sentAt >= (restoredAt ?? 0))
    await waitForArrival(context, remaining)
    violations.push(...monitor.violations())
    const unexpected = writers.unexpectedResponse()
    if (unexpected) violations.push(unexpected)
    const refused = writers.refusals()
    if (refused.slowest > REFUSAL_LIMIT_MS) violations.push(`a refusal took ${refused.slowest} ms`)
    if (refused.withoutRetryAfter > 0)
      violations.push(`${refused.withoutRetryAfter} refusals without Retry-After`)

    const anomalies = await checkAll(context, from, remaining, restoredAt)
    const { writes } = writers
    const confirmed = writes.filter(({ confirmedAt }) => confirmedAt !== null).length
    const gap = Math.max(...followers.map((one) => longestGap(one, start, end)))
    return {
      name: fault.name,
      ...anomalies,
      writes: writes.length,
      confirmed,
      gap,
      recovery,
      refused,
      violations,
      remarks,
    }
  } finally {
    monitor.stop()
    await writers.stop()
    for (const follower of followers) follower.close()
    await fault.cleanUp?.(context)
  }
}

/** Waits until a post that was sent after the end of the cause has reached every follower. Returns milliseconds. */
async function measureRecovery({ writers, followers, cluster }: FaultContext): Promise<number> {
  const start = Date.now()
  const followed = new Set(cluster.authors.map(({ name }) => name))
  const everywhere = (): boolean =>
    writers.writes.some(
      ({ sentAt, confirmedAt, author, body }) =>
        sentAt >= start && confirmedAt && followed.has(author) && followers.every((one) => one.has(body)),
    )
  await until(everywhere, RECOVERY_TIMEOUT_MS, 'a new post to reach every follower').catch(() => {})
  return Date.now() - start
}

/** Waits until all confirmed posts have arrived, or for a limited time; the checker counts the rest. */
async function waitForArrival(
  { followers, cluster }: FaultContext,
  writes: Writers['writes'],
): Promise<void> {
  const followed = new Set(cluster.authors.map(({ name }) => name))
  const expected = writes.filter(
    ({ confirmedAt, deletedAt, author }) =>
      confirmedAt !== null && deletedAt === undefined && followed.has(author),
  )
  const arrived = (): boolean =>
    followers.every((one) => !one.reloading() && expected.every(({ body }) => one.has(body)))
  await until(arrived, ARRIVAL_TIMEOUT_MS, 'the last posts').catch(() => {})
  await pause(300)
}

async function checkAll(
  { cluster, followers }: FaultContext,
  from: number,
  writes: Writers['writes'],
  restoredAt: number | undefined,
): Promise<Anomalies> {
  const state = await readDatabaseState(cluster, from)
  const followed = new Set(cluster.authors.map(({ name }) => name))
  let anomalies = noAnomalies
  for (const { name, ledger: entries } of followers) {
    const topics = await topicsOf(cluster, name)
    anomalies = add(
      anomalies,
      check({ name, from, entries, topics, followed, ...(restoredAt && { restoredAt }) }, state, writes),
    )
  }
  return anomalies
}

function longestGap({ ledger }: Follower, from: number, to: number): number {
  const times = ledger.filter(({ kind, at }) => kind === 'event' && at > from && at < to).map(({ at }) => at)
  return [...times, to].reduce((gap, at, n) => Math.max(gap, at - (times[n - 1] ?? from)), 0)
}

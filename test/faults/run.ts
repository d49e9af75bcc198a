import { add, check, faultless, type Verdict } from './checker.ts'
import { pause, until, type Cluster, type Node } from './cluster.ts'
import { startFollower, type Follower } from './follower.ts'
import { watchInstances } from './monitor.ts'
import { newestSeq, readTruth, topicsOf } from './database-state.ts'
import { startWriters, type WriterOptions, type Writers } from './writers.ts'

/** What a fault has at hand. */
export interface Scene {
  cluster: Cluster
  /** A fault may add more of them. */
  followers: Follower[]
  writers: Writers
  /** How long the fault lasts, in ms. */
  hold: number
  /** From now on nothing is expected of this instance: it is dead or frozen; or again everything is. */
  excuse(node: Node, excused: boolean): void
  /** Something besides the four figures that broke a promise. */
  breach(what: string): void
  /** Something worth printing. */
  note(what: string): void
  /** What was answered before this moment, the database has forgotten. */
  forgotten(at: number): void
}

export interface Fault {
  name: string
  /** Milliseconds that it lasts: in the bench, and in the tests. */
  hold: { long: number; short: number }
  /** Milliseconds from the end of the cause within which a fresh post has to reach everybody. */
  heals?: number
  writers?: Partial<Omit<WriterOptions, 'origin' | 'people'>>
  /** Followers hang up so many ms after each answer. */
  restless?: number
  /** Before anybody is connected. */
  prepare?(cluster: Cluster): Promise<void>
  /** Resolves when the cause has ended. */
  happen(scene: Scene): Promise<void>
  /** Once all is measured: brings back what it took. */
  tidy?(scene: Scene): Promise<void>
}

export interface Outcome extends Verdict {
  name: string
  writes: number
  answered: number
  /** The longest time between two events at one follower, in ms. */
  gap: number
  /** From the end of the cause until a fresh post had reached every follower, in ms. */
  healed: number
  refused: ReturnType<Writers['refusals']>
  breaches: string[]
  notes: string[]
}

const WARM_MS = 700
const HEAL_PATIENCE_MS = 40_000
const LAST_PATIENCE_MS = 20_000
const REFUSED_WITHIN_MS = 5_000

/** People write and follow, the fault happens, everything heals; then the ledgers are compared with the database. */
export async function run(fault: Fault, cluster: Cluster, form: 'long' | 'short'): Promise<Outcome> {
  await fault.prepare?.(cluster)
  await until(() => cluster.balancer.ready() === cluster.nodes.length, 30_000, 'all instances to be ready')
  const breaches: string[] = []
  const notes: string[] = []
  const from = await newestSeq(cluster)
  const { origin } = cluster.balancer
  const { restless } = fault
  const followers = cluster.followers.map((person) =>
    startFollower({ origin: () => origin, person, from, ...(restless && { restless }) }),
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
  const monitor = watchInstances(cluster.nodes)
  let forgottenAt: number | undefined
  const scene: Scene = {
    cluster,
    followers,
    writers,
    hold: fault.hold[form],
    excuse: monitor.excuse,
    breach: (what) => breaches.push(what),
    note: (what) => notes.push(what),
    forgotten: (at) => (forgottenAt = at),
  }

  try {
    await pause(WARM_MS)
    const start = Date.now()
    await fault.happen(scene)
    const healed = await heal(scene)
    const bound = fault.heals ?? 5_000
    if (healed > bound) breaches.push(`healed after ${healed} ms, not within ${bound}`)
    await pause(WARM_MS)
    const end = Date.now()
    await writers.stop()
    const kept = writers.writes.filter(({ sentAt }) => sentAt >= (forgottenAt ?? 0))
    await arrival(scene, kept)
    breaches.push(...monitor.breaches())
    const wrong = writers.wrong()
    if (wrong) breaches.push(wrong)
    const refused = writers.refusals()
    if (refused.slowest > REFUSED_WITHIN_MS) breaches.push(`a refusal took ${refused.slowest} ms`)
    if (refused.withoutRetryAfter > 0)
      breaches.push(`${refused.withoutRetryAfter} refusals without Retry-After`)

    const verdict = await judge(scene, from, kept, forgottenAt)
    const { writes } = writers
    const answered = writes.filter(({ answeredAt }) => answeredAt !== null).length
    const gap = Math.max(...followers.map((one) => longestGap(one, start, end)))
    return {
      name: fault.name,
      ...verdict,
      writes: writes.length,
      answered,
      gap,
      healed,
      refused,
      breaches,
      notes,
    }
  } finally {
    monitor.stop()
    await writers.stop()
    for (const follower of followers) follower.close()
    await fault.tidy?.(scene)
  }
}

/** Waits until a post that was sent after the cause's end is answered, and has reached everybody. */
async function heal({ writers, followers, cluster }: Scene): Promise<number> {
  const start = Date.now()
  const followed = new Set(cluster.authors.map(({ name }) => name))
  const everywhere = (): boolean =>
    writers.writes.some(
      ({ sentAt, answeredAt, author, body }) =>
        sentAt >= start && answeredAt && followed.has(author) && followers.every((one) => one.has(body)),
    )
  await until(everywhere, HEAL_PATIENCE_MS, 'a fresh post to reach everybody').catch(() => {})
  return Date.now() - start
}

/** Gives what was answered the time to arrive; what does not, the checker counts. */
async function arrival({ followers, cluster }: Scene, writes: Writers['writes']): Promise<void> {
  const followed = new Set(cluster.authors.map(({ name }) => name))
  const due = writes.filter(
    ({ answeredAt, deletedAt, author }) =>
      answeredAt !== null && deletedAt === undefined && followed.has(author),
  )
  const arrived = (): boolean =>
    followers.every((one) => !one.reloading() && due.every(({ body }) => one.has(body)))
  await until(arrived, LAST_PATIENCE_MS, 'the last posts').catch(() => {})
  await pause(300)
}

async function judge(
  { cluster, followers }: Scene,
  from: number,
  writes: Writers['writes'],
  forgottenAt: number | undefined,
): Promise<Verdict> {
  const truth = await readTruth(cluster, from)
  const followed = new Set(cluster.authors.map(({ name }) => name))
  let verdict = faultless
  for (const { name, ledger: entries } of followers) {
    const topics = await topicsOf(cluster, name)
    verdict = add(
      verdict,
      check({ name, from, entries, topics, followed, ...(forgottenAt && { forgottenAt }) }, truth, writes),
    )
  }
  return verdict
}

function longestGap({ ledger }: Follower, from: number, to: number): number {
  const times = ledger.filter(({ kind, at }) => kind === 'event' && at > from && at < to).map(({ at }) => at)
  return [...times, to].reduce((gap, at, n) => Math.max(gap, at - (times[n - 1] ?? from)), 0)
}

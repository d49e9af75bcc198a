import { pause, until, type Cluster } from '../cluster/cluster.ts'
import { readiness } from '../monitor.ts'
import type { Fault, FaultContext } from '../run.ts'

/** Transactions stay open after a write. Events that commit later must not be sent before theirs. */
export const lateCommits: Fault = {
  name: 'late commits',
  amount: { long: 20_000, short: 4_000 },
  async inject({ cluster, writers, amount: duration, addRemark }) {
    const end = Date.now() + duration
    let commits = 0
    let rollbacks = 0
    async function writeLate(n: number): Promise<void> {
      const client = await cluster.postgres.connect()
      for (let round = 0; Date.now() < end; round++) {
        const author = cluster.authors[n % cluster.authors.length]!.name
        const attempt = {
          body: `late ${Date.now()} ${n} ${round}`,
          author,
          sentAt: Date.now(),
          confirmedAt: null,
        }
        await client.query('begin')
        await client.query(
          'insert into posts (author_id, body) select id, $2 from users where username = $1',
          [author, attempt.body],
        )
        await pause(300 + Math.random() * 2_000)
        if (round % 3 === 2) {
          // A transaction that has drawn its number and rolls back leaves a gap.
          if (n % 2 === 0) await client.query('set constraints all immediate')
          await client.query('rollback')
          rollbacks += 1
        } else {
          await client.query('commit')
          writers.writes.push({ ...attempt, confirmedAt: Date.now() })
          commits += 1
        }
      }
      await client.end()
    }
    await Promise.all(Array.from({ length: 6 }, (_, n) => writeLate(n)))
    addRemark(`${commits} late, ${rollbacks} rolled back`)
  },
}

export const poolExhausted: Fault = {
  name: 'the pool is exhausted',
  amount: { long: 30_000, short: 6_000 },
  writers: { count: 40, every: 50 },
  async inject(context) {
    const client = await context.cluster.postgres.connect()
    await client.query('begin')
    await client.query('lock table posts in access exclusive mode')
    const end = Date.now() + context.amount
    // Writes leave four connections of a pool to reads, so only reads can exhaust it. The public page would come from
    // memory.
    const readers = context.cluster.nodes.flatMap(({ instance }) =>
      Array.from({ length: 30 }, () => readUntil(end, `${instance.origin}/posts/1`)),
    )
    await pause(context.amount - 500)
    await expectReason(context, /does not answer|wait for a database connection/)
    await client.query('rollback')
    await Promise.all(readers)
    await client.end()
  },
}

async function readUntil(end: number, url: string): Promise<void> {
  while (Date.now() < end) await fetch(url).then((response) => response.arrayBuffer())
}

/** Uses PostgreSQL's smallest queue, 512 kB, and a session that does not read it. */
export const queueFull: Fault = {
  name: 'the notify queue is full',
  amount: { long: 20_000, short: 1_500 },
  writers: { filler: () => 'x'.repeat(4_000), every: 20 },
  prepare: (cluster) => restart(cluster, ['max_notify_queue_pages=64']),
  async inject(context) {
    const client = await context.cluster.postgres.connect()
    await client.query('listen koafeed')
    await client.query('begin')
    await client.query('select 1')
    const refused = (): boolean => context.writers.refusals().count > 0
    await until(refused, 20_000, 'the first refusal').catch((error: Error) =>
      context.reportViolation(error.message),
    )
    await pause(context.amount)
    await expectReason(context, /queue of notifications/)
    await client.query('rollback')
    await client.end()
  },
  cleanUp: ({ cluster }) => restart(cluster, []),
}

/** Reports a violation if /readyz of an instance does not give this reason. */
export async function expectReason(
  { cluster, reportViolation }: FaultContext,
  reason: RegExp,
): Promise<void> {
  for (const node of cluster.nodes) {
    const { why } = await readiness(node)
    if (!why.some((one) => reason.test(one)))
      reportViolation(`/readyz does not give the reason: ${JSON.stringify(why)}`)
  }
}

async function restart({ postgres, nodes, balancer }: Cluster, settings: string[]): Promise<void> {
  await postgres.stop('fast')
  await postgres.start(settings)
  // A poll from before the restart may still be running.
  await pause(500)
  await until(() => balancer.ready() === nodes.length, 20_000, 'all instances to be ready')
}

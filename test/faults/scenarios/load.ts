import { pause, until, type Cluster } from '../cluster.ts'
import { readiness } from '../monitor.ts'
import type { Fault, Scene } from '../run.ts'

/** Transactions that have written and sit there: what comes after them must not be told before they are. */
export const lateCommits: Fault = {
  name: 'late commits',
  hold: { long: 20_000, short: 4_000 },
  async happen({ cluster, writers, hold, note }) {
    const end = Date.now() + hold
    let commits = 0
    let rollbacks = 0
    async function sit(n: number): Promise<void> {
      const client = await cluster.postgres.connect()
      for (let round = 0; Date.now() < end; round++) {
        const author = cluster.authors[n % cluster.authors.length]!.name
        const attempt = {
          body: `late ${Date.now()} ${n} ${round}`,
          author,
          sentAt: Date.now(),
          answeredAt: null,
        }
        await client.query('begin')
        await client.query(
          'insert into posts (author_id, body) select id, $2 from users where username = $1',
          [author, attempt.body],
        )
        await pause(300 + Math.random() * 2_000)
        if (round % 3 === 2) {
          // The number is drawn, and nobody will ever have it.
          if (n % 2 === 0) await client.query('set constraints all immediate')
          await client.query('rollback')
          rollbacks += 1
        } else {
          await client.query('commit')
          writers.writes.push({ ...attempt, answeredAt: Date.now() })
          commits += 1
        }
      }
      await client.end()
    }
    await Promise.all(Array.from({ length: 6 }, (_, n) => sit(n)))
    note(`${commits} late, ${rollbacks} rolled back`)
  },
}

export const poolExhausted: Fault = {
  name: 'the pool is exhausted',
  hold: { long: 30_000, short: 6_000 },
  writers: { count: 40, every: 50 },
  async happen(scene) {
    const client = await scene.cluster.postgres.connect()
    await client.query('begin')
    await client.query('lock table posts in access exclusive mode')
    const end = Date.now() + scene.hold
    // Writes leave four connections to reads, so it takes reads to exhaust a pool.
    const readers = scene.cluster.nodes.flatMap(({ instance }) =>
      Array.from({ length: 30 }, () => readUntil(end, `${instance.origin}/public`)),
    )
    await pause(scene.hold - 500)
    await expectWhy(scene, /does not answer|wait for a connection/)
    await client.query('rollback')
    await Promise.all(readers)
    await client.end()
  },
}

async function readUntil(end: number, url: string): Promise<void> {
  while (Date.now() < end) await fetch(url).then((answer) => answer.arrayBuffer())
}

/** The smallest queue that PostgreSQL makes, 512 kB, and a session that keeps it from being emptied. */
export const queueFull: Fault = {
  name: 'the notify queue is full',
  hold: { long: 20_000, short: 1_500 },
  writers: { filler: () => 'x'.repeat(4_000), every: 20 },
  prepare: (cluster) => restart(cluster, ['max_notify_queue_pages=64']),
  async happen(scene) {
    const client = await scene.cluster.postgres.connect()
    await client.query('listen koafeed')
    await client.query('begin')
    await client.query('select 1')
    const refused = (): boolean => scene.writers.refusals().count > 0
    await until(refused, 20_000, 'the first refusal').catch((error: Error) => scene.breach(error.message))
    await pause(scene.hold)
    await expectWhy(scene, /queue of notifications/)
    await client.query('rollback')
    await client.end()
  },
  tidy: ({ cluster }) => restart(cluster, []),
}

/** Whether /readyz of every instance says what is wrong. */
export async function expectWhy({ cluster, breach }: Scene, what: RegExp): Promise<void> {
  for (const node of cluster.nodes) {
    const { why } = await readiness(node)
    if (!why.some((one) => what.test(one))) breach(`/readyz says nothing of it: ${JSON.stringify(why)}`)
  }
}

async function restart({ postgres, nodes, balancer }: Cluster, settings: string[]): Promise<void> {
  await postgres.stop('fast')
  await postgres.start(settings)
  // A poll may still be on its way from before.
  await pause(500)
  await until(() => balancer.ready() === nodes.length, 20_000, 'all instances to be ready')
}

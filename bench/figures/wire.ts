import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Bench } from '../harness/bench.ts'
import { defineMeasurement } from '../harness/figure.ts'
import { rawRequest } from '../harness/load/load.ts'
import { startStreamClients } from '../harness/load/streams.ts'
import type { Server } from '../harness/servers/instance.ts'
import { connect } from '../harness/servers/postgres.ts'

/** The memory limit of an instance in k8s/deployment.yaml. */
const LIMIT_MB = 768

/** The bytes of an event, and the memory of an instance that gets more events than its clients read. */
export const wire = defineMeasurement({
  name: 'wire',
  figures: {
    plain: { name: 'bytes per event, plain', unit: 'B', better: 'lower', goal: null },
    zstd: { name: 'bytes per event, zstd', unit: 'B', better: 'lower', goal: 900 },
    overload: {
      name: 'RSS, 8,000 streams, 100 events/s for 3 s',
      unit: 'MB',
      better: 'lower',
      goal: LIMIT_MB,
    },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    const database = await connect(databaseUrl)
    bench.scope.defer(() => database.end())
    const instance = await bench.startInstance(databaseUrl)
    const plain = await bytesPerEvent(bench, instance, database, {})
    const zstd = await bytesPerEvent(bench, instance, database, { 'Accept-Encoding': 'zstd' })
    const overload = await overloadBytes(bench, instance, database)
    return {
      plain: { value: plain },
      zstd: { value: zstd, floor: { name: 'plain', value: plain } },
      overload: { value: overload / 1e6 },
    }
  },
})

/** Comments on posts of the data set: their cards have comments and likes. */
async function comment(
  database: pg.Client,
  size: { posts: number; people: number },
  n: number,
): Promise<void> {
  await database.query(
    `insert into comments (post_id, author_id, body)
     select $1, $2, body from comments where id = $3`,
    [((n * 37) % size.posts) + 1, (n % size.people) + 1, n + 1],
  )
}

async function bytesPerEvent(
  bench: Bench,
  instance: Server,
  database: pg.Client,
  headers: Record<string, string>,
): Promise<number> {
  const events = bench.quick ? 20 : 300
  const clients = startStreamClients(bench.scope, bench.cores.load)
  await clients.open(instance.port, [rawRequest('GET', '/public/stream', headers)])
  const { bytes } = await clients.report()
  for (let n = 0; n < events; n++) await comment(database, bench.size, n)
  await pause(1_000)
  const after = await clients.report()
  await clients.close()
  return (after.bytes - bytes) / events
}

/** The most resident memory while 8,000 clients get more than they read, and in the 5 seconds after. */
async function overloadBytes(bench: Bench, instance: Server, database: pg.Client): Promise<number> {
  const streams = bench.quick ? 500 : 8_000
  const clients = startStreamClients(bench.scope, bench.cores.load)
  await clients.open(
    instance.port,
    Array.from({ length: streams }, () => rawRequest('GET', '/public/stream')),
  )
  let most = 0
  const look = setInterval(() => (most = Math.max(most, instance.residentBytes())), 50)
  const start = performance.now()
  for (let n = 0; n < 300; n++) {
    await comment(database, bench.size, n)
    await pause(Math.max(0, start + n * 10 - performance.now()))
  }
  await pause(5_000)
  clearInterval(look)
  await clients.close()
  return most
}

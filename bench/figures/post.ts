import type pg from 'pg'
import type { Bench } from '../harness/bench.ts'
import { defineMeasurement, type Measured } from '../harness/figure.ts'
import type { Server } from '../harness/servers/instance.ts'
import { rawRequest } from '../harness/load/load.ts'
import { openSender, writingHeaders } from '../harness/load/people.ts'
import { connect } from '../harness/servers/postgres.ts'
import { now, startStreamClients, type StreamClients } from '../harness/load/streams.ts'

const WRITER = 2

/** From the request that creates a post until the event has arrived at the streams of the public page. */
export const post = defineMeasurement({
  name: 'post',
  figures: {
    few50: { name: 'a post over HTTP to 100 streams, p50', unit: 'ms', better: 'lower', goal: 4 },
    few99: { name: 'a post over HTTP to 100 streams, p99', unit: 'ms', better: 'lower', goal: 12 },
    many50: { name: 'a post over HTTP to 1,000 streams, p50', unit: 'ms', better: 'lower', goal: 10 },
    many99: { name: 'a post over HTTP to 1,000 streams, p99', unit: 'ms', better: 'lower', goal: 25 },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    const instance = await bench.startInstance(databaseUrl)
    const floor = await bench.startFloor('streams.ts')
    const database = await connect(databaseUrl)
    bench.scope.defer(() => database.end())
    const few = await deliver(bench, { instance, floor, database }, 100)
    const many = await deliver(bench, { instance, floor, database }, bench.quick ? 200 : 1_000)
    return { few50: few.p50, few99: few.p99, many50: many.p50, many99: many.p99 }
  },
})

interface Parts {
  instance: Server
  floor: Server
  database: pg.Client
}

async function deliver(
  bench: Bench,
  { instance, floor, database }: Parts,
  count: number,
): Promise<{ p50: Measured; p99: Measured }> {
  const posts = bench.quick ? 10 : 100
  const frame = await exampleFrame(database)
  const headers = await writingHeaders(instance, WRITER)
  const bare = await deliverTo(bench, floor, '/', count, posts, async (n) => ({
    request: rawRequest('POST', '/', {}, `\nid: ${n} ${frame}`),
    text: `id: ${n} `,
  }))
  const product = await deliverTo(bench, instance, '/public/stream', count, posts, async (n) => ({
    request: rawRequest('POST', '/posts', headers, {
      body: `Post ${n} to ${count} streams: ${'word '.repeat(40)}`,
    }),
    text: `id: ${(await newestSeq(database)) + 1}\n`,
  }))
  const figure = (fraction: number): Measured => ({
    value: at(product, fraction),
    floor: { name: 'bare node:http streams', value: at(bare, fraction) },
  })
  return { p50: figure(0.5), p99: figure(0.99) }
}

/** Returns the milliseconds from each request to each stream. */
async function deliverTo(
  bench: Bench,
  server: Server,
  path: string,
  count: number,
  posts: number,
  next: (n: number) => Promise<{ request: string; text: string }>,
): Promise<number[]> {
  const clients: StreamClients = startStreamClients(bench.scope, bench.cores.load)
  const sender = await openSender(server)
  const taken: number[] = []
  try {
    await clients.open(
      server.port,
      Array.from({ length: count }, () => rawRequest('GET', path)),
    )
    for (let n = -10; n < posts; n++) {
      const { request, text } = await next(n + 100)
      await clients.expect(text)
      const start = now()
      await sender.send(request)
      const arrivals = await clients.arrivals()
      if (n >= 0) taken.push(...arrivals.map((arrivedAt) => arrivedAt - start))
    }
  } finally {
    sender.close()
    await clients.close()
  }
  return taken.sort((a, b) => a - b)
}

function at(sorted: number[], fraction: number): number {
  return sorted[Math.floor(sorted.length * fraction)] ?? NaN
}

async function newestSeq(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ seq: number }>('select max(seq)::float8 as seq from log')
  return rows[0]!.seq
}

/** As many bytes as the newest event has. */
async function exampleFrame(database: pg.Client): Promise<string> {
  const { rows } = await database.query<{ payload: string }>(
    'select payload::text from log order by seq desc limit 1',
  )
  return rows[0]!.payload
}

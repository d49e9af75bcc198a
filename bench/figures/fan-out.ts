import type pg from 'pg'
import { startNchan } from '../floors/nchan.ts'
import { median, type Bench } from '../harness/bench.ts'
import { defineMeasurement } from '../harness/figure.ts'
import { rawRequest } from '../harness/load/load.ts'
import { openSender } from '../harness/load/people.ts'
import { now, startStreamClients } from '../harness/load/streams.ts'
import type { Server } from '../harness/servers/instance.ts'
import { connect } from '../harness/servers/postgres.ts'

const BURST = 60

/** One event to 8,000 streams, from just before the commit; and how many frames per second an instance writes. */
export const fanOut = defineMeasurement({
  name: 'fan-out',
  figures: {
    nchan: {
      name: 'one event to 8,000 streams, p99 from commit',
      unit: 'ms',
      better: 'lower',
      goal: { ofFloor: 1 },
    },
    bare: { name: 'the same, beside node:http', unit: 'ms', better: 'lower', goal: null },
    frames: { name: 'frames to 8,000 streams', unit: 'per s', better: 'higher', goal: null },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    const database = await connect(databaseUrl)
    bench.scope.defer(() => database.end())
    const instance = await bench.startInstance(databaseUrl)
    const product = await measureServer(bench, instance, '/public/stream', productSource(database))
    await instance.stop()
    const payload = await newestPayload(database)
    const measureFloor = async (server: Server) => {
      const result = await measureServer(bench, server, '/', await postSource(bench, server, '/', payload))
      await server.stop()
      return result
    }
    const bare = await measureFloor(await bench.startFloor('streams.ts'))
    const nchanServer = await startNchan(bench)
    const nchan = nchanServer && (await measureFloor(nchanServer))
    const name = 'bare node:http streams'
    return {
      nchan: { value: product.p99, floor: nchan && { name: 'nchan', value: nchan.p99 } },
      bare: { value: product.p99, floor: { name, value: bare.p99 } },
      frames: { value: product.frames, floor: { name, value: bare.frames } },
    }
  },
})

/** Prepares events. `text` is at the start of the last of their frames; `send` returns when it sent them. */
type Source = (count: number) => Promise<{ text: string; send(): Promise<number> }>

/** Posts by plain SQL, in one transaction. The time is that before the commit. */
function productSource(database: pg.Client): Source {
  return async (count) => {
    const { rows } = await database.query<{ seq: number }>('select max(seq)::float8 as seq from log')
    return {
      text: `id: ${rows[0]!.seq + count}\n`,
      async send() {
        await database.query('begin')
        await database.query(INSERT, [count])
        const start = now()
        await database.query('commit')
        return start
      },
    }
  }
}

const INSERT = `
  insert into posts (author_id, body)
  select 2, 'Post ' || n || repeat(' some words', 20) from generate_series(1, $1::int) n`

/** Events over HTTP, one per request. */
async function postSource(bench: Bench, server: Server, path: string, payload: string): Promise<Source> {
  const sender = await openSender(server)
  bench.scope.defer(() => sender.close())
  let sent = 0
  return async (count) => {
    const requests = Array.from({ length: count }, () =>
      rawRequest('POST', path, {}, `event ${++sent} ${payload}`),
    )
    return {
      text: `event ${sent} `,
      async send() {
        const start = now()
        for (const request of requests) await sender.send(request)
        return start
      },
    }
  }
}

async function measureServer(
  bench: Bench,
  server: Server,
  path: string,
  source: Source,
): Promise<{ p99: number; frames: number }> {
  const streams = bench.quick ? 500 : 8_000
  const clients = startStreamClients(bench.scope, bench.cores.load)
  try {
    await clients.open(
      server.port,
      Array.from({ length: streams }, () => rawRequest('GET', path, { Accept: 'text/event-stream' })),
    )
    const deliver = async (count: number): Promise<number[]> => {
      const { text, send } = await source(count)
      await clients.expect(text)
      const start = await send()
      return (await clients.arrivals()).map((arrivedAt) => arrivedAt - start).sort((a, b) => a - b)
    }
    for (let n = 0; n < 5; n++) await deliver(1)
    const p99: number[] = []
    const frames: number[] = []
    for (let n = 0; n < (bench.quick ? 3 : 15); n++) p99.push((await deliver(1))[Math.floor(streams * 0.99)]!)
    for (let n = 0; n < bench.runs; n++)
      frames.push((BURST * streams * 1_000) / (await deliver(BURST)).at(-1)!)
    return { p99: median(p99), frames: median(frames) }
  } finally {
    await clients.close()
  }
}

/** As many bytes as an event of the product has. */
async function newestPayload(database: pg.Client): Promise<string> {
  const { rows } = await database.query<{ payload: string }>(
    'select payload::text from log order by seq desc limit 1',
  )
  return rows[0]!.payload
}

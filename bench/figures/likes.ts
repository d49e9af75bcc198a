import { medianRun, type Bench } from '../harness/bench.ts'
import { defineMeasurement, type Measured } from '../harness/figure.ts'
import type { Server } from '../harness/servers/instance.ts'
import { createLikes, type Likes } from '../harness/load/likes.ts'
import { rawRequest } from '../harness/load/load.ts'
import { withClient } from '../harness/servers/postgres.ts'

/** Likes over HTTP, beside bare Koa that inserts a row without triggers. */
export const likes = defineMeasurement({
  name: 'likes',
  figures: {
    one: { name: 'likes over HTTP, 1 at once', unit: 'per s', better: 'higher', goal: 500 },
    oneP50: { name: 'a like over HTTP, 1 at once, p50', unit: 'ms', better: 'lower', goal: null },
    many: { name: 'likes over HTTP, 64 at once', unit: 'per s', better: 'higher', goal: 3_000 },
    manyP50: { name: 'a like over HTTP, 64 at once, p50', unit: 'ms', better: 'lower', goal: null },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    await withClient(databaseUrl, (client) =>
      client.query('create table bare (id bigint generated always as identity primary key)'),
    )
    const instance = await bench.startInstance(databaseUrl)
    const floor = await bench.startFloor('insert.ts', [databaseUrl])
    const parts = { instance, floor, likes: createLikes(bench) }
    const one = await measure(bench, parts, 1)
    const many = await measure(bench, parts, 64)
    return { one: one.rate, oneP50: one.p50, many: many.rate, manyP50: many.p50 }
  },
})

async function measure(
  bench: Bench,
  { instance, floor, likes }: { instance: Server; floor: Server; likes: Likes },
  connections: number,
): Promise<{ rate: Measured; p50: Measured }> {
  const seconds = bench.quick ? 1 : 5
  const inserts = Array.from({ length: connections }, () => [rawRequest('POST', '/', {}, {})])
  const median = await medianRun(
    bench.runs,
    async () => ({
      bare: await bench.runLoad(floor, { connections: inserts, seconds }),
      product: await likes.run([instance], connections, seconds),
    }),
    ({ product }) => product.perSecond,
  )
  const { bare, product } = median
  const name = 'bare Koa, plain insert'
  return {
    rate: { value: product.perSecond, floor: { name, value: bare.perSecond }, shares: product.shares },
    p50: { value: product.p50, floor: { name, value: bare.p50 } },
  }
}

import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bench } from '../harness/bench.ts'
import { defineMeasurement } from '../harness/figure.ts'
import { rawRequest } from '../harness/load/load.ts'
import { startStreamClients } from '../harness/load/streams.ts'
import type { Server } from '../harness/servers/instance.ts'
import { withClient } from '../harness/servers/postgres.ts'

const KB = 1_000

/** Resident memory per stream without events, beside bare `node:http` with the same client. */
export const memory = defineMeasurement({
  name: 'memory',
  figures: {
    anonymous: { name: 'an idle stream, anonymous (8,000)', unit: 'kB', better: 'lower', goal: 15 },
    signedIn: { name: 'an idle stream, signed in (8,000)', unit: 'kB', better: 'lower', goal: 18 },
  },
  async measure(bench) {
    const count = bench.quick ? 1_000 : 8_000
    const databaseUrl = await bench.createDatabase('feed')
    const cookies = await createPeople(databaseUrl, count)
    const anonymous = Array.from({ length: count }, () => rawRequest('GET', '/public/stream'))
    const signedIn = cookies.map((Cookie) => rawRequest('GET', '/stream', { Cookie }))
    const measure = async (server: Server, requests: string[]): Promise<number> => {
      const bytes = await bytesPerStream(bench, server, requests)
      await server.stop()
      return bytes
    }
    const floor = {
      name: 'bare node:http streams',
      value: await measure(await bench.startFloor('streams.ts'), anonymous),
    }
    return {
      anonymous: { value: await measure(await bench.startInstance(databaseUrl), anonymous), floor },
      signedIn: { value: await measure(await bench.startInstance(databaseUrl), signedIn), floor },
    }
  },
})

/** 500 streams first: the memory of code and caches that the first streams need does not count. */
async function bytesPerStream(bench: Bench, server: Server, requests: string[]): Promise<number> {
  const clients = startStreamClients(bench.scope, bench.cores.load)
  await clients.open(server.port, requests.slice(0, 500))
  await clients.close()
  await pause(2_000)
  const before = server.residentBytes()
  await clients.open(server.port, requests)
  await pause(bench.quick ? 500 : 5_000)
  const after = server.residentBytes()
  await clients.close()
  return (after - before) / requests.length / KB
}

/** Creates people with a session each. Returns their cookies. */
async function createPeople(databaseUrl: string, count: number): Promise<string[]> {
  const tokens = Array.from({ length: count }, (_, n) => hash(`stream ${n}`).toString('base64url'))
  await withClient(databaseUrl, async (client) => {
    await client.query(
      `with created as (
         insert into users (username, password_hash)
         select 'stream' || n, 'no password opens this' from generate_series(1, $1::int) n
         returning id, username
       )
       insert into sessions (id_hash, user_id, expires_at)
       select decode(hash, 'hex'), created.id, now() + interval '1 day'
       from unnest($2::text[]) with ordinality as given (hash, n)
       join created on created.username = 'stream' || n`,
      [count, tokens.map((token) => hash(token).toString('hex'))],
    )
  })
  return tokens.map((token) => `koafeed=${token}`)
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

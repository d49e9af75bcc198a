import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { medianRun, type Bench } from '../harness/bench.ts'
import { cookieOf } from '../harness/feed.ts'
import { defineMeasurement, type Measured } from '../harness/figure.ts'
import type { Server } from '../harness/servers/instance.ts'
import { rawRequest } from '../harness/load/load.ts'
import { countStatements } from '../harness/servers/statements.ts'

const CONNECTIONS = 16

/** Pages that many people read: the home page of somebody who follows 50 people, and the public page. */
export const pages = defineMeasurement({
  name: 'pages',
  figures: {
    home: { name: 'GET / signed in, 16 connections', unit: 'req/s', better: 'higher', goal: 1_000 },
    homeP99: { name: 'GET / signed in, p99', unit: 'ms', better: 'lower', goal: 40 },
    homeStatements: { name: 'GET / signed in, statements', unit: '', better: 'lower', goal: 2 },
    public: { name: 'GET /public signed out, 16 connections', unit: 'req/s', better: 'higher', goal: 4_000 },
    publicP99: { name: 'GET /public signed out, p99', unit: 'ms', better: 'lower', goal: null },
    publicStatements: { name: 'GET /public signed out, statements', unit: '', better: 'lower', goal: 0.01 },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    const instance = await bench.startInstance(databaseUrl)
    const requests = { home: rawRequest('GET', '/', cookieOf(1)), public: rawRequest('GET', '/public') }
    const home = await measurePage(bench, instance, requests.home)
    const anonymous = await measurePage(bench, instance, requests.public)
    const count = (request: string) => statementsPerRequest(bench, instance, databaseUrl, request)
    return {
      home: home.rate,
      homeP99: home.p99,
      homeStatements: { value: await count(requests.home) },
      public: anonymous.rate,
      publicP99: anonymous.p99,
      publicStatements: { value: await count(requests.public) },
    }
  },
})

/** Measures a page, and bare Koa with the bytes of the same page. */
export async function measurePage(
  bench: Bench,
  instance: Server,
  request: string,
): Promise<{ rate: Measured; p99: Measured }> {
  const seconds = bench.quick ? 2 : 8
  const run = (server: Server) => bench.runLoad(server, { connections: connectionsOf(request), seconds })
  const koa = await startKoa(bench, instance, request)
  const { page, floor } = await medianRun(
    bench.runs,
    async () => ({ floor: await run(koa), page: await run(instance) }),
    (result) => result.page.perSecond,
  )
  await koa.stop()
  const name = 'bare Koa, same bytes'
  return {
    rate: { value: page.perSecond, floor: { name, value: floor.perSecond }, shares: page.shares },
    p99: { value: page.p99, floor: { name, value: floor.p99 } },
  }
}

async function statementsPerRequest(
  bench: Bench,
  instance: Server,
  databaseUrl: string,
  request: string,
): Promise<number> {
  let requests = NaN
  const job = { connections: connectionsOf(request), seconds: bench.quick ? 1 : 3, warmUpSeconds: 0 }
  const statements = await countStatements(databaseUrl, async () => {
    requests = (await bench.runLoad(instance, job)).requests
  })
  return statements / requests
}

function connectionsOf(request: string): string[][] {
  return Array.from({ length: CONNECTIONS }, () => [request])
}

async function startKoa(bench: Bench, instance: Server, request: string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'koafeed-bench-page-'))
  bench.scope.defer(() => rmSync(folder, { recursive: true, force: true }))
  const { type, body } = await fetchPage(instance, request)
  const file = join(folder, 'page')
  writeFileSync(file, body)
  return bench.startFloor('koa.ts', [file, type])
}

async function fetchPage({ port }: Server, request: string): Promise<{ type: string; body: string }> {
  const [line = '', ...headers] = request.trimEnd().split('\r\n')
  const response = await fetch(`http://127.0.0.1:${port}${line.split(' ')[1]}`, {
    headers: headers
      .filter((header) => !header.startsWith('Host'))
      .map((header) => header.split(': ') as [string, string]),
  })
  return { type: response.headers.get('content-type') ?? '', body: await response.text() }
}

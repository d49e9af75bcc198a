/**
 * Shows where the time of a request goes: in the instance by part of the code (a CPU profile), and in PostgreSQL by
 * statement (`pg_stat_statements`, with the statements inside functions and triggers).
 *
 *   node bench/profile.ts home | public | like [--quick] [--functions]
 *
 * `--functions` lists functions instead of parts. The profiler itself slows the instance down, so read the shares rather than the
 * sum; `npm run bench` measures the sum.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createBench, createSetting, type Bench } from './harness/bench.ts'
import { findCores, moveToCore } from './harness/cores.ts'
import { cookieOf } from './harness/feed.ts'
import type { Instance } from './harness/servers/instance.ts'
import { rawRequest, type LoadJob } from './harness/load/load.ts'
import { writingHeaders } from './harness/load/people.ts'
import { startPostgres } from './harness/servers/postgres.ts'
import { createScope } from './harness/scope.ts'
import { statementTimes } from './harness/servers/statements.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, functions: { type: 'boolean', default: false } },
})
const LINES = 18

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

const scope = createScope()
const cores = findCores()
moveToCore(cores.load, process.pid)
try {
  const postgres = await startPostgres(scope, { core: cores.database })
  const checkout = resolve(import.meta.dirname, '..')
  const bench = createBench(createSetting(scope, { quick: values.quick, cores, checkout }, postgres))
  try {
    for (const what of positionals) await profile(bench, what)
  } finally {
    await bench.scope.end()
  }
} finally {
  await scope.end()
}
process.exit()

async function profile(bench: Bench, what: string): Promise<void> {
  const databaseUrl = await bench.createDatabase('feed')
  const preload = join(import.meta.dirname, 'harness/servers/profiler.ts')
  const instance = await bench.startInstance(databaseUrl, { node: ['--import', preload] })
  await bench.runLoad(instance, { ...(await jobOf(instance, what, 0)), seconds: bench.quick ? 1 : 5 })
  const job = await jobOf(instance, what, 1)
  let requests = 0
  let cpu = { server: 0, database: 0 }
  await instance.profile('start')
  const statements = await statementTimes(databaseUrl, async () => {
    const result = await bench.runLoad(instance, { ...job, seconds: bench.quick ? 2 : 10, warmUpSeconds: 0 })
    requests = result.requests
    cpu = {
      server: (result.shares.server * result.seconds * 1_000) / requests,
      database: (result.shares.database * result.seconds * 1_000) / requests,
    }
  })
  const selfTimes = await instance.profile('stop')
  console.log(
    `\n${what}: ${requests} requests; CPU per request: instance ${ms(cpu.server)}, PostgreSQL ${ms(cpu.database)}`,
  )
  printParts(selfTimes, requests)
  console.log('statement: ms per request, calls per request')
  for (const { query, calls, milliseconds } of statements.slice(0, LINES)) {
    console.log(`  ${ms(milliseconds / requests)}  ${(calls / requests).toFixed(2).padStart(6)}  ${query}`)
  }
}

function printParts(selfTimes: [string, number][], requests: number): void {
  const parts = new Map<string, number>()
  for (const [name, milliseconds] of selfTimes) {
    if (/^ \(idle\)$|^node:inspector/.test(name)) continue
    const part = values.functions ? name.replace(/^.*\/(?=[^/]+ )/, '') : partOf(name)
    parts.set(part, (parts.get(part) ?? 0) + milliseconds)
  }
  console.log('part of the instance: ms per request')
  const sorted = [...parts].sort(([, a], [, b]) => b - a)
  for (const [part, milliseconds] of sorted.slice(0, LINES))
    console.log(`  ${ms(milliseconds / requests)}  ${part}`)
}

/** The package, the folder of src/, or what V8 does itself. */
function partOf(name: string): string {
  const [, packageName] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name) ?? []
  const [, folder] = /\/(src\/[^/]+(?:\/[^/ ]+)?)/.exec(name) ?? []
  return packageName ?? folder ?? (name.startsWith('node:') ? 'node' : name.trim())
}

async function jobOf(
  instance: Instance,
  what: string,
  round: number,
): Promise<Omit<LoadJob, 'ports' | 'warmUpSeconds' | 'seconds'>> {
  const sixteen = (request: string): string[][] => Array.from({ length: 16 }, () => [request])
  if (what === 'home')
    return { connections: sixteen(rawRequest('GET', '/', cookieOf(1))), cycle: true, status: 200 }
  if (what === 'public')
    return { connections: sixteen(rawRequest('GET', '/public')), cycle: true, status: 200 }
  if (what !== 'like') throw new Error(`There is no profile of ${what}.`)
  const people = Array.from({ length: 16 }, (_, n) => 101 + 16 * round + n)
  const connections = await Promise.all(
    people.map(async (n) => {
      const headers = await writingHeaders(instance, n)
      return Array.from({ length: 1_000 }, (_, post) =>
        rawRequest('POST', `/posts/${post + 1}/like`, headers, {}),
      )
    }),
  )
  return { connections, cycle: false, status: 200 }
}

function ms(value: number): string {
  return `${value.toFixed(3)} ms`
}

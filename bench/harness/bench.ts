import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { migrate } from '../../src/db/migrations.ts'
import type { Cores } from './cores.ts'
import { fillFeed, FULL, SMALL, type FeedSize } from './feed.ts'
import type { Shares } from './figure.ts'
import { startFloor, startInstance, type Instance, type Server } from './servers/instance.ts'
import { startLoad, type LoadJob, type LoadResult, type RunLoad } from './load/load.ts'
import type { Postgres } from './servers/postgres.ts'
import { createScope, type Scope } from './scope.ts'

/** What a measurement gets. Everything that it starts ends with the measurement. */
export interface Bench {
  /** Smaller sizes and one run: shows that a measurement works, not how fast the product is. */
  quick: boolean
  /** How often to measure; the table has the median. */
  runs: number
  cores: Cores
  /** The folder of the code that is measured. */
  checkout: string
  size: FeedSize
  scope: Scope
  /** The server that all measurements share. A measurement that needs other settings starts one of its own. */
  postgres: Postgres
  /** Creates a database: migrated and empty, or with the data set of `feed.ts`. Returns its URL. */
  createDatabase(content: 'empty' | 'feed'): Promise<string>
  startInstance(
    databaseUrl: string,
    options?: { env?: NodeJS.ProcessEnv; node?: string[] },
  ): Promise<Instance>
  /** What the instances have written to their logs. */
  instanceOutput(): string
  /** Starts a script of `bench/floors/` on the core of the server. */
  startFloor(script: string, args?: string[]): Promise<Server>
  /** Runs the load against one server or several, and measures how much of the cores each part used. */
  runLoad(
    servers: Server | Server[],
    job: Omit<LoadJob, 'ports' | 'status' | 'cycle' | 'warmUpSeconds'> &
      Partial<Pick<LoadJob, 'status' | 'cycle' | 'warmUpSeconds'>>,
  ): Promise<LoadResult & { shares: Shares }>
}

/** What all measurements of a run share. */
export interface Setting {
  quick: boolean
  cores: Cores
  checkout: string
  postgres: Postgres
  load: RunLoad
  /** The databases that others are copied from; created when first needed. */
  templates: Map<string, Promise<unknown>>
}

let databases = 0

export function createSetting(
  scope: Scope,
  options: Pick<Setting, 'quick' | 'cores' | 'checkout'>,
  postgres: Postgres,
): Setting {
  return { ...options, postgres, load: startLoad(scope, options.cores.load), templates: new Map() }
}

export function createBench(setting: Setting): Bench {
  const { quick, cores, checkout, postgres } = setting
  const scope = createScope()
  const instances: Instance[] = []
  return {
    quick,
    runs: quick ? 1 : 3,
    cores,
    checkout,
    size: quick ? SMALL : FULL,
    scope,
    postgres,
    async createDatabase(content) {
      await ensureTemplate(setting, content)
      const name = `bench_${++databases}`
      const url = await postgres.createDatabase(name, `template_${content}`)
      scope.defer(() => postgres.dropDatabase(name))
      return url
    },
    async startInstance(databaseUrl, options) {
      const started = await startInstance(scope, { checkout, core: cores.server, databaseUrl, ...options })
      instances.push(started)
      return started
    },
    instanceOutput: () => instances.map(({ output }) => output()).join(''),
    startFloor: (script, args = []) => startFloor(scope, { script, core: cores.server, args }),
    async runLoad(servers, job) {
      const all = [servers].flat()
      const serverCpu = () => all.reduce((sum, server) => sum + server.cpuSeconds(), 0)
      const databaseCpu = () => all[0]?.databaseCpuSeconds?.() ?? postgres.cpuSeconds()
      const before = { server: serverCpu(), database: databaseCpu(), at: performance.now() }
      const warmUpSeconds = quick ? 0.5 : 2
      const ports = all.map(({ port }) => port)
      const result = await setting.load({ status: 200, cycle: true, warmUpSeconds, ...job, ports })
      const seconds = (performance.now() - before.at) / 1_000
      const shares = {
        server: (serverCpu() - before.server) / seconds,
        database: (databaseCpu() - before.database) / seconds,
        load: result.share,
      }
      return { ...result, shares }
    },
  }
}

async function ensureTemplate(setting: Setting, content: 'empty' | 'feed'): Promise<void> {
  const { templates, postgres, checkout, quick } = setting
  const create = async (): Promise<void> => {
    const url = await postgres.createDatabase(`template_${content}`)
    const code = (await import(pathToFileURL(join(checkout, 'src/db/migrations.ts')).href)) as {
      migrate: typeof migrate
    }
    await code.migrate(url, () => {})
    if (content === 'feed') await fillFeed(url, quick ? SMALL : FULL)
  }
  if (!templates.has(content)) templates.set(content, create())
  await templates.get(content)
}

/** Runs `work` several times and returns the result whose value is the median. */
export async function medianRun<Result>(
  runs: number,
  work: () => Promise<Result>,
  value: (result: Result) => number,
): Promise<Result> {
  const results: Result[] = []
  for (let n = 0; n < runs; n++) results.push(await work())
  return medianOf(results, value)
}

export function medianOf<Result>(results: Result[], value: (result: Result) => number): Result {
  return results.toSorted((a, b) => value(a) - value(b))[Math.floor((results.length - 1) / 2)]!
}

export function median(values: number[]): number {
  return medianOf(values, (value) => value)
}

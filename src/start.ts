/**
 * `npm start`: everything that KoaFeed needs on one machine, in one command. Starts the embedded PostgreSQL (unless there
 * is a DATABASE_URL), migrates, builds what the browser loads, and runs INSTANCES instances until a signal ends them.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, type Config } from './config.ts'
import { startInstances, type Instances } from './lib/instances.ts'
import { migrate } from './db/migrations.ts'
import { ensureFreePort } from './lib/ports.ts'
import { startPostgres } from './embedded/postgres.ts'

/** Longer than an instance takes to end its streams and requests. */
const PATIENCE_MS = 15_000

let instances: Instances | null = null
const interrupted = interruption(() => instances?.kill())

try {
  await run(readConfig(process.env))
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error ? describe(error) : error)
  process.exit(1)
}

async function run(config: Config): Promise<void> {
  for (const port of portsOf(config)) await ensureFreePort(port, config.host)
  const database = config.databaseUrl
    ? null
    : await startPostgres({ dataDir: config.dataDir, log: console.log })
  try {
    const url = database?.url ?? config.databaseUrl ?? ''
    await migrate(config.listenDatabaseUrl ?? url, console.log)
    await buildForBrowsers(config)
    if (!interrupted.yet) await runInstances(config, url)
  } finally {
    await database?.stop()
  }
}

async function runInstances(config: Config, databaseUrl: string): Promise<void> {
  const all = environments(config, databaseUrl)
  instances = startInstances(join(import.meta.dirname, 'main.ts'), all, console.log)
  try {
    const origins = await Promise.race([instances.ready, interrupted.promise])
    for (const origin of origins ?? []) console.log(`KoaFeed listens on ${origin}`)
    await interrupted.promise
  } finally {
    await instances.stop(PATIENCE_MS)
  }
}

function environments(config: Config, databaseUrl: string): NodeJS.ProcessEnv[] {
  const keys = process.env.SESSION_KEYS?.trim() || keptSessionKey(config.dataDir)
  return Array.from({ length: config.instances }, (_, i) => ({
    ...process.env,
    INSTANCES: '1',
    INSTANCE_NAME: config.instances === 1 ? config.instanceName : `${config.instanceName}-${i + 1}`,
    PORT: String(config.port && config.port + i),
    METRICS_PORT: String(config.metricsPort && config.metricsPort + i),
    DATABASE_URL: databaseUrl,
    SESSION_KEYS: keys,
  }))
}

/** Not those of the metrics: an instance goes without, where another program has that port. */
function portsOf({ port, instances: count }: Config): number[] {
  return port === 0 ? [] : Array.from({ length: count }, (_, i) => port + i)
}

/** Outside production only, where SESSION_KEYS is a must: kept, so that a restart signs nobody out. */
function keptSessionKey(dataDir: string): string {
  const file = join(dataDir, 'session-key')
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const key = randomBytes(32).toString('base64url')
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(file, `${key}\n`, { mode: 0o600 })
  return key
}

/** Imported here, not above: the bundler is not among what production installs, where the image holds what it made. */
async function buildForBrowsers({ production }: Config): Promise<void> {
  if (production && existsSync(join(import.meta.dirname, '../static/build/manifest.json'))) return
  const { build } = await import('./assets/build.ts')
  await build({ minify: production })
}

/** The first signal asks for an orderly end; a second one, a while later, for a quick one. */
function interruption(force: () => void): { yet: boolean; promise: Promise<void> } {
  const state = { yet: false, promise: Promise.resolve() }
  let since = 0
  state.promise = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // npm passes on the SIGINT that the terminal has sent to us as well: two at once are one.
        if (state.yet && performance.now() - since > 500) force()
        if (!state.yet) since = performance.now()
        state.yet = true
        resolve()
      })
    }
  })
  return state
}

/** What a user can act on is in the message; the stack only where nobody foresaw the error. */
function describe(error: Error): string {
  const unforeseen = [TypeError, ReferenceError, SyntaxError, RangeError].some(
    (kind) => error instanceof kind,
  )
  return (unforeseen && error.stack) || error.message || String(error)
}

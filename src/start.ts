/**
 * `npm start` runs all of KoaFeed on one machine. It starts the embedded PostgreSQL (unless DATABASE_URL is set),
 * migrates the database, builds the browser bundle, and runs INSTANCES instances until it gets a signal.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { offerAdminToken } from './cli/first-admin.ts'
import { readConfig, type Config } from './config.ts'
import { startInstances, type Instances } from './lib/instances.ts'
import { migrate } from './db/migrations.ts'
import { ensureFreePort } from './lib/ports.ts'
import { startPostgres } from './embedded/postgres.ts'
import { storeAssets } from './web/static/asset-store.ts'

/** Longer than an instance takes to shut down. */
const SHUTDOWN_TIMEOUT_MS = 15_000

const BUILT = join(import.meta.dirname, '../static/build')

let instances: Instances | null = null
const interruption = waitForSignals(() => instances?.kill())

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
    await buildAssets(config)
    await storeAssets(config.listenDatabaseUrl ?? url, BUILT)
    if (!interruption.received) await runInstances(config, url)
  } finally {
    await database?.stop()
  }
}

async function runInstances(config: Config, databaseUrl: string): Promise<void> {
  const all = environments(config, databaseUrl)
  instances = startInstances(join(import.meta.dirname, 'main.ts'), all, console.log)
  try {
    const origins = await Promise.race([instances.ready, interruption.promise])
    for (const origin of origins ?? []) console.log(`KoaFeed listens on ${origin}`)
    if (origins) await offerAdminToken(databaseUrl, console.log)
    await interruption.promise
  } finally {
    await instances.stop(SHUTDOWN_TIMEOUT_MS)
  }
}

function environments(config: Config, databaseUrl: string): NodeJS.ProcessEnv[] {
  const keys = process.env.SESSION_KEYS?.trim() || storedSessionKey(config.dataDir)
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

/** The metrics ports are not checked: an instance runs without metrics if their port is taken. */
function portsOf({ port, instances: count }: Config): number[] {
  return port === 0 ? [] : Array.from({ length: count }, (_, i) => port + i)
}

/** Stores a generated key, so that sessions survive a restart. Production requires SESSION_KEYS, and stores no key. */
function storedSessionKey(dataDir: string): string {
  const file = join(dataDir, 'session-key')
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const key = randomBytes(32).toString('base64url')
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(file, `${key}\n`, { mode: 0o600 })
  return key
}

/** Imports the bundler only if needed: a production image contains the built files, but not the bundler. */
async function buildAssets({ production }: Config): Promise<void> {
  if (production && existsSync(join(BUILT, 'manifest.json'))) return
  const { build } = await import('./assets/build.ts')
  await build({ minify: production })
}

/** The first signal requests a graceful shutdown. A second signal, at least 0.5 s later, calls `force`. */
function waitForSignals(force: () => void): { received: boolean; promise: Promise<void> } {
  const state = { received: false, promise: Promise.resolve() }
  let receivedAt = 0
  state.promise = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // Ctrl+C sends SIGINT twice: from the terminal, and from npm, which forwards it.
        if (state.received && performance.now() - receivedAt > 500) force()
        if (!state.received) receivedAt = performance.now()
        state.received = true
        resolve()
      })
    }
  })
  return state
}

/** Only a programming error needs its stack. For other errors, the message says what the user can do. */
function describe(error: Error): string {
  const isBug = [TypeError, ReferenceError, SyntaxError, RangeError].some((kind) => error instanceof kind)
  return (isBug && error.stack) || error.message || String(error)
}

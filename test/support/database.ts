import { chmodSync, globSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { holderOf } from '../../src/lib/lockfile.ts'
import { migrate } from '../../src/lib/migrations.ts'
import { startPostgres } from '../../src/lib/postgres.ts'
import { stopInstances } from './instance.ts'

export interface TestDatabase {
  /** Only once the before hook has run. */
  readonly url: string
  /** Runs one statement, as psql would, and returns its rows. */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]>
}

/** The server of this run, started when the first test needs it: { admin } is a URL that may create databases. */
let server: Promise<{ admin: string; template: string; stop(): Promise<void> }> | null = null
let count = 0

/**
 * Called in a describe block: gives it a migrated, empty database of its own. Instances on it are stopped afterwards;
 * the database itself goes when the run ends, as the block's own hooks may still have connections to close.
 */
export function useDatabase(): TestDatabase {
  let url: string | null = null
  let pool: pg.Pool | null = null
  before(async function () {
    this.timeout(60_000)
    url = await createDatabase()
    pool = new pg.Pool({ connectionString: url, max: 4 }).on('error', () => {})
  })
  after(async () => {
    await pool?.end()
    if (url) await stopInstances(url)
  })
  const early = () => new Error('The database exists only inside of hooks and tests')
  return {
    get url() {
      if (url === null) throw early()
      return url
    },
    async query(text, values) {
      if (pool === null) throw early()
      return (await pool.query(text, values)).rows
    },
  }
}

/** A migrated, empty database of its own, for tests that need more than one; returns its URL. */
export async function createDatabase(): Promise<string> {
  const { admin, template } = await (server ??= startServer())
  const name = `${template}_${++count}`
  await execute(admin, `create database ${name} template ${template}`)
  return withDatabase(admin, name)
}

export async function stopServer(): Promise<void> {
  await (await server)?.stop()
  server = null
}

async function startServer() {
  const given = process.env.TEST_DATABASE_URL
  const { url: admin, stop } = given ? { url: given, stop: async () => {} } : await throwawayServer()
  const template = `koafeed_test_${process.pid}`
  await execute(admin, `create database ${template}`)
  const url = withDatabase(admin, template)
  await migrate(url, () => {})
  return {
    admin,
    template,
    async stop() {
      // A throwaway server goes as a whole.
      for (let n = given ? count : -1; n >= 0; n--) {
        await execute(admin, `drop database if exists ${template}${n ? `_${n}` : ''} with (force)`)
      }
      await stop()
    },
  }
}

async function throwawayServer() {
  await sweep()
  const dataDir = mkdtempSync(join(tmpdir(), 'koafeed-test-'))
  chmodSync(dataDir, 0o755)
  const server = await startPostgres({ dataDir, log: () => {}, throwaway: true })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A run that was killed left its server behind: taking over its lock finds the server and stops it. */
async function sweep(): Promise<void> {
  const minuteAgo = Date.now() - 60_000
  for (const dataDir of globSync(join(tmpdir(), 'koafeed-{test,start,schema,postgres}-*'))) {
    const { uid, mtimeMs } = statSync(dataDir)
    if (uid !== process.getuid?.() || mtimeMs > minuteAgo || holderOf(join(dataDir, 'postgres.lock')))
      continue
    const left = await startPostgres({ dataDir, log: () => {}, throwaway: true }).catch(() => null)
    await left?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function execute(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.toString()
}

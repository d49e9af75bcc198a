import { chmodSync, globSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findHolder } from '../../src/embedded/lockfile.ts'
import { migrate } from '../../src/db/migrations.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { stopInstances } from './servers/instance.ts'

export interface TestDatabase {
  /** Available after the before hook. */
  readonly url: string
  /** Runs one statement and returns its rows. */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]>
  /** Returns how many connections to this database wait for a lock. */
  countLockWaits(): Promise<number>
}

interface Server {
  /** URL of a role that may create databases. */
  admin: string
  template: string
}

/**
 * The server of this test run. Workers use the one that mocha's main process shares; otherwise the first test starts
 * one.
 */
let server: Promise<Server & { stop?(): Promise<void> }> | null = null
let count = 0

/**
 * Creates a migrated, empty database for the describe block that calls it. After the block it stops the instances that
 * use the database. The database is dropped at the end of the run, because other hooks may still have connections.
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
  const notReady = () => new Error('The database exists only inside hooks and tests')
  return {
    get url() {
      if (url === null) throw notReady()
      return url
    },
    async query(text, values) {
      if (pool === null) throw notReady()
      return (await pool.query(text, values)).rows
    },
    async countLockWaits() {
      // pg_locks lists the whole server. A wait for a transaction has no database, so its process is looked up.
      const rows = await this.query(
        `select from pg_locks
         where not granted
           and pid in (
             select pid from pg_locks
             where database = (select oid from pg_database where datname = current_database())
           )`,
      )
      return rows.length
    },
  }
}

/** Creates a migrated, empty database, for tests that need more than one. Returns its URL. */
export async function createDatabase(): Promise<string> {
  const { admin, template } = await (server ??= sharedServer() ?? startServer())
  const name = `${template}_${process.pid}_${++count}`
  await execute(admin, `create database ${name} template ${template}`)
  return withDatabase(admin, name)
}

/** Starts the server and passes it to mocha's workers, which start later and inherit the environment. */
export async function shareServer(): Promise<void> {
  const { admin, template } = await (server ??= startServer())
  process.env.TEST_SERVER = JSON.stringify({ admin, template } satisfies Server)
}

export async function stopServer(): Promise<void> {
  await (await server)?.stop?.()
  server = null
}

function sharedServer(): Promise<Server> | null {
  const shared = process.env.TEST_SERVER
  return shared === undefined ? null : Promise.resolve(JSON.parse(shared) as Server)
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
      // A throwaway server is deleted with its databases.
      if (given) await dropDatabases(admin, template)
      await stop()
    },
  }
}

async function throwawayServer() {
  await removeLeftovers()
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

/** Stops and deletes the servers of runs that were killed: startPostgres takes over their lock and their process. */
async function removeLeftovers(): Promise<void> {
  const minuteAgo = Date.now() - 60_000
  for (const dataDir of globSync(join(tmpdir(), 'koafeed-{test,start,schema,postgres}-*'))) {
    const { uid, mtimeMs } = statSync(dataDir)
    if (uid !== process.getuid?.() || mtimeMs > minuteAgo || findHolder(join(dataDir, 'postgres.lock')))
      continue
    const left = await startPostgres({ dataDir, log: () => {}, throwaway: true }).catch(() => null)
    await left?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Drops the template and the copies that this process and mocha's workers made of it. */
async function dropDatabases(admin: string, template: string): Promise<void> {
  const names = await execute<{ datname: string }>(
    admin,
    `select datname from pg_database where starts_with(datname || '_', '${template}_')`,
  )
  for (const { datname } of names) await execute(admin, `drop database ${datname} with (force)`)
}

async function execute<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.toString()
}

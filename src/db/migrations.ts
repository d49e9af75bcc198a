import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { runner } from 'node-pg-migrate'
import pg from 'pg'

const root = join(import.meta.dirname, '../..')

/** The key of the advisory lock. Only one process at a time migrates a database. */
const lockId = 5_062_733

/**
 * While a migration waits to lock a table, all later statements on the table wait too. So the migration gives up sooner
 * than the requests do (1 s), and tries again after a pause.
 */
const LOCK_TIMEOUT_MS = 500
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 8_000
const RETRY_FOR_MS = 10 * 60_000
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Runs the migrations that the database does not have yet, in order and in one transaction. Then, if a file of `sql/`
 * has changed, applies all of `sql/` in another transaction. Safe to run at any time, and by several processes at once.
 * If a transaction cannot get a lock, it is tried again for up to ten minutes.
 * @throws Error that describes what failed, with file and line in `sql/`; its transaction is rolled back
 */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void,
  { dir = join(root, 'migrations') } = {},
): Promise<void> {
  const client = await connect(databaseUrl)
  try {
    await client.query('select pg_advisory_lock($1)', [lockId])
    // Set after the advisory lock, because waiting for another migration blocks no requests.
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
    for (const name of await withRetries(() => runMigrations(client, dir), log)) log(`Migrated: ${name}`)
    if (await withRetries(() => applySql(client), log)) log('Applied: sql/')
  } finally {
    await client.end()
  }
}

/**
 * Returns the names of the migrations that it ran.
 * @throws Error with the messages of node-pg-migrate
 */
async function runMigrations(dbClient: pg.Client, dir: string): Promise<string[]> {
  const lines: string[] = []
  const note = (line: string): void => void lines.push(line)
  try {
    const ran = await runner({
      dbClient,
      dir,
      ignorePattern: '\\..*|.*\\.md',
      direction: 'up',
      migrationsTable: 'migrations',
      singleTransaction: true,
      checkOrder: true,
      advisoryLockMode: 'wait',
      logger: { debug() {}, info() {}, warn: note, error: note },
    })
    return ran.map(({ name }) => name)
  } catch (error) {
    if (isLockTimeout(error)) throw error
    throw new Error([...lines, String(error)].join('\n'), { cause: error })
  }
}

/**
 * Repeats a transaction whose lock request timed out.
 * @throws any other error of the transaction, and the timeout after RETRY_FOR_MS
 */
async function withRetries<T>(transaction: () => Promise<T>, log: (line: string) => void): Promise<T> {
  const deadline = Date.now() + RETRY_FOR_MS
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, MAX_WAIT_MS)) {
    try {
      return await transaction()
    } catch (error) {
      if (!isLockTimeout(error) || Date.now() + wait > deadline) throw error
      log(`Another transaction holds a lock that the migration needs; trying again in ${wait / 1000} s`)
      await pause(wait)
    }
  }
}

function isLockTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (error as pg.DatabaseError).code === LOCK_NOT_AVAILABLE || isLockTimeout(error.cause)
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: 'koafeed:migrate',
    connectionTimeoutMillis: 10_000,
  })
  try {
    await client.connect()
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    throw new Error(`Cannot connect to the database: ${message || code}`, { cause: error })
  }
  const { rows } = await client.query<{ version: number }>(
    `select current_setting('server_version_num')::int as version`,
  )
  const version = rows[0]?.version ?? 0
  if (version >= 150_000) return client
  await client.end()
  throw new Error(
    `KoaFeed requires PostgreSQL 15 or newer; this database has version ${Math.floor(version / 10_000)}`,
  )
}

/** Replaces all functions, if a file has changed. Returns whether it did. Replacing a function locks no table. */
async function applySql(client: pg.Client): Promise<boolean> {
  const files = globSync('sql/**/*.sql', { cwd: root })
    .filter((file) => file !== join('sql', 'schema.sql'))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  const checksum = createHash('sha256').update(JSON.stringify(files)).digest('hex')
  await client.query(
    'create table if not exists applied_sql (checksum text not null, at timestamptz not null)',
  )
  const applied = await client.query('select from applied_sql where checksum = $1', [checksum])
  if (applied.rowCount !== 0) return false
  try {
    await client.query('begin')
    for (const { file, text } of files) await apply(client, file, text)
    await client.query('delete from applied_sql')
    await client.query('insert into applied_sql values ($1, clock_timestamp())', [checksum])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
  return true
}

async function apply(client: pg.Client, file: string, text: string): Promise<void> {
  try {
    await client.query(text)
  } catch (error) {
    const { message, position } = error as pg.DatabaseError
    const line = position ? `:${text.slice(0, Number(position)).split('\n').length}` : ''
    throw new Error(`${file}${line}: ${message}`, { cause: error })
  }
}

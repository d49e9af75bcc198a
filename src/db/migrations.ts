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

/** The folders of the migrations and of the functions. */
interface Folders {
  dir: string
  sqlDir: string
}

/**
 * Runs the migrations that the database does not have yet, in order. Then, if a file of `sql/` has changed, applies all of
 * `sql/`. Both run in one transaction: no write fires a trigger whose function does not exist yet. Safe to run at any
 * time, and by several processes at once. If the transaction cannot get a lock, it is tried again for up to ten
 * minutes.
 *
 * A migration with `pgm.noTransaction()` commits those before it, without `sql/`.
 * @throws Error that describes what failed, with file and line in `sql/`; the transaction is rolled back
 */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void,
  { dir = join(root, 'migrations'), sqlDir = join(root, 'sql') }: Partial<Folders> = {},
): Promise<void> {
  const client = await connect(databaseUrl)
  try {
    await client.query('select pg_advisory_lock($1)', [lockId])
    // Set after the advisory lock, because waiting for another migration blocks no requests.
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
    const { names, isApplied } = await withRetries(() => runMigrations(client, { dir, sqlDir }), log)
    for (const name of names) log(`Migrated: ${name}`)
    if (isApplied) log('Applied: sql/')
  } finally {
    await client.end()
  }
}

/**
 * Returns the names of the migrations that it ran, and whether it applied `sql/`.
 * @throws Error with the messages of node-pg-migrate
 */
async function runMigrations(
  client: pg.Client,
  { dir, sqlDir }: Folders,
): Promise<{ names: string[]; isApplied: boolean }> {
  const lines: string[] = []
  const note = (line: string): void => void lines.push(line)
  let isApplied = false
  const applyAll = async (): Promise<void> => {
    isApplied = await applySql(client, sqlDir)
  }
  try {
    const ran = await runner({
      dbClient: withBeforeCommit(client, applyAll),
      dir,
      ignorePattern: '\\..*|.*\\.md',
      direction: 'up',
      migrationsTable: 'migrations',
      singleTransaction: true,
      checkOrder: true,
      advisoryLockMode: 'wait',
      logger: { debug() {}, info() {}, warn: note, error: note },
    })
    if (ran.length === 0) await inTransaction(client, applyAll)
    return { names: ran.map(({ name }) => name), isApplied }
  } catch (error) {
    if (isLockTimeout(error)) throw error
    throw new Error([...lines, String(error)].join('\n'), { cause: error })
  }
}

/** Runs `work` before the COMMIT that ends the transaction of node-pg-migrate, which has no hook for that. */
function withBeforeCommit(client: pg.Client, work: () => Promise<void>): pg.Client {
  const query = async (...given: [string]): Promise<unknown> => {
    if (given[0] === 'COMMIT') await work()
    return client.query(...given)
  }
  return Object.create(client, { query: { value: query } }) as pg.Client
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('begin')
  try {
    await work()
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
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
async function applySql(client: pg.Client, sqlDir: string): Promise<boolean> {
  const files = globSync('**/*.sql', { cwd: sqlDir })
    .filter((file) => file !== 'schema.sql')
    .sort()
    .map((file) => ({ file: join('sql', file), text: readFileSync(join(sqlDir, file), 'utf8') }))
  const checksum = createHash('sha256').update(JSON.stringify(files)).digest('hex')
  await client.query(
    'create table if not exists applied_sql (checksum text not null, at timestamptz not null)',
  )
  const applied = await client.query('select from applied_sql where checksum = $1', [checksum])
  if (applied.rowCount !== 0) return false
  for (const { file, text } of files) await apply(client, file, text)
  await client.query('delete from applied_sql')
  await client.query('insert into applied_sql values ($1, clock_timestamp())', [checksum])
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

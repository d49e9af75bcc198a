import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import pg from 'pg'

const root = join(import.meta.dirname, '../..')

/** One number for everybody who migrates: two deploys, or several instances that start, wait for each other. */
const lockId = 5_062_733

/**
 * Brings a database up to date: the migrations that it has not seen, in order and in one transaction, then, where they
 * have changed, today's function bodies of `sql/`. Safe to run at any time, from several places at once.
 * @throws Error that says what failed, with file and line in `sql/`; nothing of its transaction stays
 */
export async function migrate(databaseUrl: string, log: (line: string) => void): Promise<void> {
  const client = await connect(databaseUrl)
  try {
    await client.query('select pg_advisory_lock($1)', [lockId])
    const ran = await runner({
      dbClient: client,
      dir: join(root, 'migrations'),
      ignorePattern: '\\..*|.*\\.md',
      direction: 'up',
      migrationsTable: 'migrations',
      singleTransaction: true,
      checkOrder: true,
      advisoryLockMode: 'wait',
      logger: { debug() {}, info() {}, warn: log, error: log },
    })
    for (const { name } of ran) log(`Migrated: ${name}`)
    if (await applySql(client)) log('Applied: sql/')
  } finally {
    await client.end()
  }
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
    throw new Error(`The database does not let us in: ${message || code}`, { cause: error })
  }
  const { rows } = await client.query<{ version: number }>(
    `select current_setting('server_version_num')::int as version`,
  )
  const version = rows[0]?.version ?? 0
  if (version >= 150_000) return client
  await client.end()
  throw new Error(
    `KoaFeed needs PostgreSQL 15 or newer; this database is of version ${Math.floor(version / 10_000)}`,
  )
}

/** A function's body stands once, in its file; triggers that call it are not touched, so no table is locked for it. */
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

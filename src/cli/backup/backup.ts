import { existsSync, renameSync, rmSync } from 'node:fs'
import pg from 'pg'
import { migrate } from '../../db/migrations.ts'
import { requireProgram, runProgram } from './programs.ts'

/** More events than a busy site writes in a day: the docs promise that new numbers are above every number ever used. */
const EVENTS_A_DAY = 1_000_000

/**
 * Writes the whole database to a file, with pg_dump. The site keeps running. The file appears when it is complete.
 * @throws Error if the file exists, or pg_dump is missing, too old, or fails
 */
export async function backup(databaseUrl: string, file: string): Promise<void> {
  if (existsSync(file)) throw new Error(`${file} exists already.`)
  await requireProgram('pg_dump', databaseUrl)
  const draft = `${file}.partial`
  try {
    const options = ['--format=custom', '--no-owner', '--no-privileges', '--no-unlogged-table-data']
    await runProgram('pg_dump', [...options, `--file=${draft}`], databaseUrl)
    renameSync(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
}

export interface RestoreOptions {
  /** Deletes what the database has. Without it, the database must be empty. */
  replace: boolean
  /** New events get numbers above this one. Null: an estimate from the age of the backup. */
  above: number | null
  print(line: string): void
}

/**
 * Restores a backup, migrates it, and moves the numbers of the log above all that were ever used: clients hold cursors
 * that are newer than the restored log. Every client then gets a `reset`.
 * @throws Error if instances are connected, the database is not empty, or pg_restore is missing, too old, or fails
 */
export async function restore(
  databaseUrl: string,
  file: string,
  { replace, above, print }: RestoreOptions,
): Promise<void> {
  if (!existsSync(file)) throw new Error(`${file} does not exist.`)
  await requireProgram('pg_restore', databaseUrl)
  await withClient(databaseUrl, (client) => prepare(client, replace))
  const options = ['--no-owner', '--no-privileges', '--exit-on-error', '--single-transaction']
  await runProgram('pg_restore', [...options, file], databaseUrl)
  await migrate(databaseUrl, print)
  await finishRestore(databaseUrl, { above, print })
}

/** The last step of a restore. Alone, it is for a backup that was restored by other means, or a lossy failover. */
export async function finishRestore(
  databaseUrl: string,
  { above, print }: Pick<RestoreOptions, 'above' | 'print'>,
): Promise<void> {
  const first = await withClient(databaseUrl, (client) => moveLog(client, above))
  print(`New events get numbers above ${first}; every client loads its page again.`)
}

async function prepare(client: pg.Client, replace: boolean): Promise<void> {
  const { rows } = await client.query<{ instances: number; tables: number }>(
    `select
       (
         select count(*)::int
         from pg_stat_activity
         where datname = current_database() and application_name like 'koafeed:%' and pid <> pg_backend_pid()
       ) as instances,
       (select count(*)::int from pg_tables where schemaname = 'public') as tables`,
  )
  const { instances = 0, tables = 0 } = rows[0] ?? {}
  if (instances > 0) throw new Error('Instances are connected to this database. Stop them first.')
  if (tables === 0) return
  if (!replace) {
    throw new Error(
      'The database is not empty. Use --replace to delete what it has, or restore into a new one.',
    )
  }
  await client.query('drop schema public cascade')
  await client.query('create schema public')
}

/** See "Backup and restore" in docs/operations.md. Returns the number above which new events begin. */
async function moveLog(client: pg.Client, above: number | null): Promise<string> {
  await client.query('begin')
  const { rows } = await client.query<{ seq: string }>(
    `select setval('log_seq', greatest(
       s.last_value,
       coalesce($1::bigint, s.last_value + $2 * (2 + extract(days from now() - coalesce(newest.at, now())))::bigint)
     ))::text as seq
     from log_seq s
     cross join (select max(at) as at from log) newest`,
    [above, EVENTS_A_DAY],
  )
  const seq = rows[0]?.seq ?? '0'
  await client.query(`select append_log('restored', '{}', '{}')`)
  await client.query('delete from log where seq <= $1', [seq])
  // Links and tokens that have been used since the backup must not work again.
  await client.query('delete from password_resets')
  await client.query('delete from admin_tokens')
  await client.query('commit')
  return seq
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, application_name: 'koafeed:admin' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

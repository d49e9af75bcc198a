import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import pg from 'pg'
import { connectionConfig } from '../../db/pool.ts'
import { failed, ok, warning, type DoctorCheck, type Result } from './check.ts'

const MIN_MAJOR = 15
/** Connections of one instance: its pool, the groups, the log and the listener. */
const CONNECTIONS = 12
const MAX_NOTIFY_QUEUE = 0.1
const MAX_CLOCK_MS = 2_000
const MIGRATIONS = join(import.meta.dirname, '../../../migrations')

/** Checks the database at `url`, as an instance would use it. */
export function databaseChecks(url: string): DoctorCheck[] {
  const check = (name: string, work: (client: pg.Client) => Promise<Result>): DoctorCheck => ({
    name,
    run: () => withConnection(url, work),
  })
  return [
    check('database', checkServer),
    check('migrations', checkMigrations),
    check('privileges', checkPrivileges),
    check('clock', checkClock),
    check('connections', checkConnections),
    check('notification queue', checkQueue),
    check('admins', checkAdmins),
  ]
}

/** Connects with the options of the service, which some poolers refuse. */
export async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const {
    nameOf: _nameOf,
    types: _types,
    ...options
  } = connectionConfig(url, {
    applicationName: 'koafeed:doctor',
  })
  const client = new pg.Client(options)
  client.on('error', () => {}) // the next statement fails too
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function one<Row extends pg.QueryResultRow>(client: pg.Client, query: string): Promise<Row> {
  const { rows } = await client.query<Row>(query)
  return rows[0]!
}

async function checkServer(client: pg.Client): Promise<Result> {
  const { version, major, standby } = await one<{ version: string; major: number; standby: boolean }>(
    client,
    `select
       current_setting('server_version') as version,
       current_setting('server_version_num')::int / 10000 as major,
       pg_is_in_recovery() as standby`,
  )
  if (major < MIN_MAJOR)
    return failed(`PostgreSQL ${version} is too old; version ${MIN_MAJOR} or newer is required`)
  if (standby) return failed('This server is a standby. Instances need the primary.')
  return ok(`PostgreSQL ${version}`)
}

async function checkMigrations(client: pg.Client): Promise<Result> {
  const { found } = await one<{ found: boolean }>(
    client,
    `select to_regclass('migrations') is not null as found`,
  )
  if (!found) return failed('The database has not been migrated. Run `npm run migrate`.')
  const files = globSync('*.{sql,ts}', { cwd: MIGRATIONS }).map((file) =>
    basename(file).replace(/\.\w+$/, ''),
  )
  const { rows } = await client.query<{ name: string }>('select name from migrations')
  const ran = new Set(rows.map(({ name }) => name))
  const missing = files.filter((file) => !ran.has(file)).sort()
  if (missing.length > 0) return failed(`Run \`npm run migrate\`: ${missing.join(', ')} is missing`)
  if (ran.size > files.length) return warning('A newer release has migrated this database')
  return ok(`all ${files.length} are applied`)
}

async function checkPrivileges(client: pg.Client): Promise<Result> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name
     from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and case c.relkind
         when 'r' then not (
           has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
           and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete')
         )
         when 'S' then not (has_sequence_privilege(c.oid, 'usage') and has_sequence_privilege(c.oid, 'select'))
         else false
       end
     order by 1`,
  )
  const { role, may_create } = await one<{ role: string; may_create: boolean }>(
    client,
    `select current_user as role, has_schema_privilege('public', 'create') as may_create`,
  )
  if (rows.length > 0) {
    const names = rows.slice(0, 5).map(({ name }) => name)
    return failed(
      `The role ${role} may not read and change: ${names.join(', ')}${rows.length > 5 ? ', …' : ''}`,
    )
  }
  if (!may_create) return warning(`The role ${role} may not create tables, so it cannot migrate`)
  return ok(`the role ${role} may read, change and create tables`)
}

async function checkClock(client: pg.Client): Promise<Result> {
  const sent = Date.now()
  const { now } = await one<{ now: number }>(
    client,
    `select extract(epoch from clock_timestamp())::float * 1000 as now`,
  )
  const received = Date.now()
  const difference = Math.round(now - (sent + received) / 2)
  const text = `${Math.abs(difference)} ms ${difference < 0 ? 'behind' : 'ahead of'} the clock of this machine`
  return Math.abs(difference) > MAX_CLOCK_MS ? warning(`The clock of the database is ${text}`) : ok(text)
}

async function checkConnections(client: pg.Client): Promise<Result> {
  const { used, most } = await one<{ used: number; most: number }>(
    client,
    `select
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most`,
  )
  const text = `${used} of ${most} are in use; an instance takes up to ${CONNECTIONS}`
  return most - used < CONNECTIONS ? warning(text) : ok(text)
}

async function checkQueue(client: pg.Client): Promise<Result> {
  const { usage } = await one<{ usage: number }>(client, 'select pg_notification_queue_usage() as usage')
  const text = `${Math.round(usage * 100)} % is in use`
  if (usage <= MAX_NOTIFY_QUEUE) return ok(text)
  return failed(`${text}: a session listens inside a transaction (docs/operations.md, Metrics)`)
}

async function checkAdmins(client: pg.Client): Promise<Result> {
  const { count } = await one<{ count: number }>(
    client,
    'select count(*)::int as count from users where admin and deleted_at is null',
  )
  return count === 0 ? warning('There is none: run `make-admin`, or `admin-token`') : ok(`${count}`)
}

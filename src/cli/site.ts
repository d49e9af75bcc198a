import pg from 'pg'
import { createDb, sql, type DatabasePool, type Write } from '../db/pool.ts'
import { createWrite } from '../db/write.ts'
import { ensurePostgres } from '../embedded/postgres.ts'

const NOT_MIGRATED = 'The database has not been migrated. Run `npm run migrate` first.'

/** The part of the service's configuration that commands use. */
export interface CommandConfig {
  production: boolean
  port: number
  databaseUrl: string | null
  listenDatabaseUrl: string | null
  preparedStatements: boolean
  dataDir: string
  publicOrigin: string | null
}

/** The site that a command works on. */
export interface CommandSite {
  config: CommandConfig
  /** The database, perhaps through a pooler. */
  url: string
  /** A direct connection to the database. */
  directUrl: string
  db: DatabasePool
  write: Write
}

/**
 * Connects to the database of the configuration for the time of `work`. Without one, uses the embedded PostgreSQL, and
 * starts it if necessary.
 */
export async function withDatabase<T>(
  config: CommandConfig,
  work: (database: { url: string; directUrl: string }) => Promise<T>,
): Promise<T> {
  const { databaseUrl, listenDatabaseUrl, dataDir } = config
  if (databaseUrl) return work({ url: databaseUrl, directUrl: listenDatabaseUrl ?? databaseUrl })
  // Messages go to stderr, because some commands write their result to stdout.
  const embedded = await ensurePostgres({ dataDir, log: console.error })
  try {
    return await work({ url: embedded.url, directUrl: embedded.url })
  } finally {
    await embedded.stop()
  }
}

/**
 * Like `withDatabase`, with a pool.
 * @throws Error if the database has not been migrated.
 */
export async function withSite<T>(
  config: CommandConfig,
  work: (site: CommandSite) => Promise<T>,
): Promise<T> {
  return withDatabase(config, async (database) => {
    const { preparedStatements: names } = config
    const db = await createDb(database.url, { applicationName: 'koafeed:admin', maxPoolSize: 1, names })
    try {
      await requireMigrated(db)
      return await work({ config, ...database, db, write: createWrite(db) })
    } finally {
      await db.end()
    }
  })
}

async function requireMigrated(db: DatabasePool): Promise<void> {
  const isMigrated = await db.exists(sql.command`select where to_regclass('admin_log') is not null`)
  if (!isMigrated) throw new Error(NOT_MIGRATED)
}

/** Runs a command on one direct connection, without the time limits of the service. */
export type RunDirect = (work: (client: pg.Client, config: CommandConfig) => Promise<void>) => Promise<void>

/**
 * Connects directly to the database for the time of `work`. For commands that read much in one statement.
 * @throws Error if the database has not been migrated.
 */
export async function withClient(
  config: CommandConfig,
  work: (client: pg.Client, config: CommandConfig) => Promise<void>,
): Promise<void> {
  await withDatabase(config, async ({ directUrl }) => {
    const client = new pg.Client({ connectionString: directUrl, application_name: 'koafeed:admin' })
    await client.connect()
    try {
      const { rows } = await client.query<{ found: boolean }>(
        `select to_regclass('admin_log') is not null as found`,
      )
      if (!rows[0]?.found) throw new Error(NOT_MIGRATED)
      await work(client, config)
    } finally {
      await client.end()
    }
  })
}

/** The address of a page, for a link that is printed. */
export function linkTo({ publicOrigin, port }: CommandConfig, path: string): string {
  return `${publicOrigin ?? `http://localhost:${port}`}${path}`
}

import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { findHolder, LockHeldError, acquireLock } from './lockfile.ts'
import { ensureCluster, startServer, findRunningPort, stopServer } from './cluster.ts'
import { locatePostgres } from './location.ts'

export interface EmbeddedPostgres {
  url: string
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** The folder of the data, the password and the lock. */
  dataDir: string
  log: (line: string) => void
  /** For tests: faster, but a power failure can destroy the data. */
  throwaway?: boolean
}

/**
 * Starts the embedded PostgreSQL, and creates its data in `dataDir` if necessary. It listens on a free port of
 * 127.0.0.1. If KoaFeed was killed and its server still runs, that server is used.
 *
 * The server does not get the signal of Ctrl+C in a terminal, so it runs until KoaFeed stops it.
 * @throws Error with a message for the user, if another KoaFeed uses `dataDir` or the server does not start
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir } = options
  mkdirSync(dataDir, { recursive: true })
  const release = lockDataDir(dataDir)
  try {
    const location = await locatePostgres(dataDir)
    const password = storedPassword(dataDir)
    await ensureCluster(location, password, options)
    const port = (await findRunningPort(location)) ?? (await startServer(location, options))
    const stop = once(async () => {
      rmSync(urlFile(dataDir), { force: true })
      await stopServer(location)
      release()
    })
    try {
      const url = `postgres://postgres:${password}@127.0.0.1:${port}/koafeed`
      await ensureDatabase(url)
      writePrivate(urlFile(dataDir), `${url}\n`)
      return { url, stop }
    } catch (error) {
      await stop()
      throw error
    }
  } catch (error) {
    release()
    throw error
  }
}

/** Returns the database of a running KoaFeed. If none runs on `dataDir`, starts PostgreSQL. */
export async function ensurePostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const file = urlFile(options.dataDir)
  if (findHolder(lockFile(options.dataDir)) === null || !existsSync(file)) return startPostgres(options)
  return { url: readFileSync(file, 'utf8').trim(), stop: async () => {} }
}

function lockDataDir(dataDir: string): () => void {
  try {
    return acquireLock(lockFile(dataDir))
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error
    throw new Error(
      `Another KoaFeed (process ${error.pid}) uses the data in ${dataDir}. Stop it first, or set DATA_DIR to another folder.`,
      { cause: error },
    )
  }
}

function lockFile(dataDir: string): string {
  return join(dataDir, 'postgres.lock')
}

/** Developers use the file too: psql "$(cat .data/database-url)". */
function urlFile(dataDir: string): string {
  return join(dataDir, 'database-url')
}

/** Stores the password before the data is created, so that data without a known password cannot exist. */
function storedPassword(dataDir: string): string {
  const file = join(dataDir, 'postgres-password')
  const stored = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (stored !== '') return stored
  const password = randomBytes(24).toString('base64url')
  writePrivate(file, `${password}\n`)
  return password
}

function writePrivate(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 })
  chmodSync(file, 0o600)
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url.replace(/\/koafeed$/, '/postgres') })
  await client.connect()
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'koafeed'`)
    if (rowCount === 0) await client.query('create database koafeed')
  } finally {
    await client.end()
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null
  return () => (done ??= work())
}

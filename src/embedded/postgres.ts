import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { holderOf, LockHeldError, takeLock } from './lockfile.ts'
import { ensureCluster, launch, runningPort, shutDown } from './cluster.ts'
import { findPlace } from './location.ts'

export interface EmbeddedPostgres {
  url: string
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** The folder that keeps the data, the password and the lock. */
  dataDir: string
  log: (line: string) => void
  /** For tests: fast, and not safe from a power cut. */
  throwaway?: boolean
}

/**
 * Starts the embedded PostgreSQL whose data is in `dataDir`, making the data first where there is none. It listens on
 * 127.0.0.1, on a port that was free. A server that outlived its KoaFeed (kill -9) is found and used.
 *
 * The server runs in a session of its own, so that Ctrl+C in a terminal does not reach it before KoaFeed is done with
 * it.
 * @throws Error with a message for the user, when another KoaFeed uses `dataDir` or the server does not start
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir } = options
  mkdirSync(dataDir, { recursive: true })
  const release = lockDataDir(dataDir)
  try {
    const place = await findPlace(dataDir)
    const password = keptPassword(dataDir)
    await ensureCluster(place, password, options)
    const port = (await runningPort(place)) ?? (await launch(place, options))
    const stop = once(async () => {
      rmSync(urlFile(dataDir), { force: true })
      await shutDown(place)
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

/** The database in `dataDir`: the one that a running KoaFeed has started, else started here. */
export async function ensurePostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const file = urlFile(options.dataDir)
  if (holderOf(lockFile(options.dataDir)) === null || !existsSync(file)) return startPostgres(options)
  return { url: readFileSync(file, 'utf8').trim(), stop: async () => {} }
}

function lockDataDir(dataDir: string): () => void {
  try {
    return takeLock(lockFile(dataDir))
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

/** For people too: psql "$(cat .data/database-url)". */
function urlFile(dataDir: string): string {
  return join(dataDir, 'database-url')
}

/** Kept from before the data is made, so that data without its password cannot come about. */
function keptPassword(dataDir: string): string {
  const file = join(dataDir, 'postgres-password')
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (kept !== '') return kept
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

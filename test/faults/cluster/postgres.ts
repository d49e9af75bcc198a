import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import getPort from 'get-port'
import pg from 'pg'
import { migrate } from '../../../src/db/migrations.ts'
import { ensureCluster } from '../../../src/embedded/cluster.ts'
import { locatePostgres } from '../../../src/embedded/location.ts'

const execute = promisify(execFile)

/** A PostgreSQL server that faults stop, crash and restore. Keeps its port. */
export interface BenchPostgres {
  port: number
  url: string
  start(settings?: string[]): Promise<void>
  /** `immediate` leaves the data as a crash does. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** Copies the data. The server must be stopped. */
  saveCopy(): Promise<void>
  /** Replaces the data by the copy. The server must be stopped. */
  restoreCopy(): Promise<void>
  /** Runs one statement on a new connection. */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]>
  /** Opens a connection, which the caller must end. */
  connect(): Promise<pg.Client>
  /** Returns the server's log. */
  log(): string
  remove(): Promise<void>
}

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=300',
  'timezone=UTC',
  // A killed process loses nothing without fsync, and the bench does not measure the disk.
  'fsync=off',
]

/** Creates and starts a server with a migrated, empty database. */
export async function startPostgres(more: string[] = []): Promise<BenchPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'koafeed-bench-'))
  chmodSync(dataDir, 0o755)
  const location = await locatePostgres(dataDir)
  const password = 'bench'
  await ensureCluster(location, password, { log: () => {}, throwaway: true })
  const data = join(location.folder, 'data')
  const copy = join(location.folder, 'copy')
  const logFile = join(location.folder, 'postgres.log')
  const port = await getPort({ host: '127.0.0.1' })
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/koafeed`
  let running = false

  const run = (program: string, args: string[]) =>
    execute(program, args, { ...location.user, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } })
  const control = (args: string[]) => run(join(location.programs, 'bin/pg_ctl'), ['-D', data, '-w', ...args])

  const postgres: BenchPostgres = {
    port,
    url,
    async start(extra = []) {
      const options = [...settings, ...more, ...extra, `port=${port}`]
        .map((setting) => `-c ${setting}`)
        .join(' ')
      await control(['start', '-l', logFile, '-o', options])
      running = true
    },
    async stop(mode) {
      running = false
      await control(['stop', '-m', mode])
    },
    saveCopy: async () => void (await run('cp', ['-a', data, copy])),
    async restoreCopy() {
      await run('rm', ['-rf', data])
      await run('mv', [copy, data])
    },
    async query(text, values) {
      const client = await postgres.connect()
      try {
        return (await client.query(text, values)).rows
      } finally {
        await client.end()
      }
    },
    async connect() {
      const client = new pg.Client({ connectionString: url })
      client.on('error', () => {}) // a stopped server ends its connections
      await client.connect()
      return client
    },
    log: () => readFileSync(logFile, 'utf8'),
    async remove() {
      if (running) await postgres.stop('immediate').catch(() => {})
      rmSync(location.folder, { recursive: true, force: true })
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  await postgres.start()
  const admin = new pg.Client({ connectionString: url.replace(/koafeed$/, 'postgres') })
  await admin.connect()
  await admin.query('create database koafeed')
  await admin.end()
  await migrate(url, () => {})
  return postgres
}

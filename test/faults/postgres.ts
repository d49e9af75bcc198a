import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { migrate } from '../../src/db/migrations.ts'
import { ensureCluster } from '../../src/embedded/cluster.ts'
import { findPlace } from '../../src/embedded/location.ts'

const execute = promisify(execFile)

/** A PostgreSQL to be mistreated: always at the same port, with data that can be put back. */
export interface BenchPostgres {
  port: number
  url: string
  start(settings?: string[]): Promise<void>
  /** `immediate` is what a crash leaves behind. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** Keeps a copy of the data; only while stopped. */
  keepCopy(): Promise<void>
  /** Puts the copy in the place of the data; only while stopped. */
  putBack(): Promise<void>
  /** Runs one statement on a connection of its own. */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]>
  /** A connection that the caller ends. */
  connect(): Promise<pg.Client>
  /** What the server wrote so far. */
  log(): string
  remove(): Promise<void>
}

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=300',
  'timezone=UTC',
  // A killed process loses nothing by it, and the disk of the machine is not what is measured.
  'fsync=off',
]

/** Makes a server with a migrated, empty database, and starts it. */
export async function startPostgres(more: string[] = []): Promise<BenchPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'koafeed-bench-'))
  chmodSync(dataDir, 0o755)
  const place = await findPlace(dataDir)
  const password = 'bench'
  await ensureCluster(place, password, { log: () => {}, throwaway: true })
  const data = join(place.folder, 'data')
  const copy = join(place.folder, 'copy')
  const logFile = join(place.folder, 'postgres.log')
  const port = await freePort()
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/koafeed`
  let running = false

  const run = (program: string, args: string[]) =>
    execute(program, args, { ...place.user, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } })
  const control = (args: string[]) => run(join(place.programs, 'bin/pg_ctl'), ['-D', data, '-w', ...args])

  const postgres: BenchPostgres = {
    port,
    url,
    async start(extra = []) {
      const words = [...settings, ...more, ...extra, `port=${port}`].map((one) => `-c ${one}`).join(' ')
      await control(['start', '-l', logFile, '-o', words])
      running = true
    },
    async stop(mode) {
      running = false
      await control(['stop', '-m', mode])
    },
    keepCopy: async () => void (await run('cp', ['-a', data, copy])),
    async putBack() {
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
      client.on('error', () => {}) // mistreated servers end connections
      await client.connect()
      return client
    },
    log: () => readFileSync(logFile, 'utf8'),
    async remove() {
      if (running) await postgres.stop('immediate').catch(() => {})
      rmSync(place.folder, { recursive: true, force: true })
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

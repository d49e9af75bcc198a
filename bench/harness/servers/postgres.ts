import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { ensureCluster } from '../../../src/embedded/cluster.ts'
import { locatePostgres } from '../../../src/embedded/location.ts'
import { cpuSeconds, startProcess } from '../processes.ts'
import type { Scope } from '../scope.ts'

/** A PostgreSQL server of its own. `fsync` and `synchronous_commit` are on. */
export interface Postgres {
  pid: number
  port: number
  cpuSeconds(): number
  /** Creates a database, as a copy of `template` if given. Returns its URL. */
  createDatabase(name: string, template?: string): Promise<string>
  dropDatabase(name: string): Promise<void>
  stop(): Promise<void>
}

const PASSWORD = 'bench'

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=500',
  'shared_buffers=256MB',
  'max_wal_size=4GB',
  'checkpoint_timeout=1h',
  'timezone=UTC',
  'log_timezone=UTC',
  'shared_preload_libraries=pg_stat_statements',
  'compute_query_id=on',
]

/** Creates and starts a server on a core. `more` are further settings, `env` further variables. */
export async function startPostgres(
  scope: Scope,
  { core, more = [], env = {} }: { core: number | null; more?: string[]; env?: NodeJS.ProcessEnv },
): Promise<Postgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'koafeed-bench-'))
  const remove = (): void => removeFolders(dataDir, folder)
  let folder = dataDir
  process.on('exit', remove)
  scope.defer(() => {
    process.off('exit', remove)
    remove()
  })
  chmodSync(dataDir, 0o755)
  const location = await locatePostgres(dataDir)
  folder = location.folder
  await ensureCluster(location, PASSWORD, { log: () => {}, throwaway: true })
  const port = await freePort()
  const all = [...settings, ...more, `port=${port}`].flatMap((setting) => ['-c', setting])
  const server = startProcess(
    [join(location.programs, 'bin/postgres'), '-D', join(location.folder, 'data'), ...all],
    {
      core,
      cwd: '/',
      user: location.user,
      env: { PATH: process.env.PATH, LC_ALL: 'C', ...env },
      killSignal: 'SIGQUIT',
    },
  )
  scope.defer(() => server.stop())
  const urlOf = (name: string): string => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${name}`
  await waitUntilReady(urlOf('postgres'))
  const administer = (text: string) => withClient(urlOf('postgres'), (client) => client.query(text))
  // Not on the command line, which `statements.ts` could not override.
  await administer(`alter system set pg_stat_statements.track = 'none'`)
  await administer('select pg_reload_conf()')
  return {
    pid: server.pid,
    port,
    cpuSeconds: () => cpuSeconds(server.pid),
    async createDatabase(name, template) {
      await administer(`create database ${name} ${template ? `template ${template}` : ''}`)
      return urlOf(name)
    },
    dropDatabase: async (name) => void (await administer(`drop database if exists ${name} with (force)`)),
    stop: () => server.stop(),
  }
}

export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(url)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Opens a connection, which the caller must end. */
export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // the server may end first
  await client.connect()
  return client
}

async function waitUntilReady(url: string): Promise<void> {
  for (let left = 300; ; left--) {
    try {
      return await withClient(url, async () => {})
    } catch (error) {
      if (left === 0) throw error
      await pause(50)
    }
  }
}

function removeFolders(...folders: string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

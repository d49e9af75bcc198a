import { execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import getPort from 'get-port'
import type { PostgresLocation } from './location.ts'

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'shared_buffers=64MB',
]
const timeZones = ['timezone=UTC', 'log_timezone=UTC']
const unsafe = ['fsync=off', 'full_page_writes=off']

/**
 * Creates the data if it does not exist. It creates a temporary folder and renames it when it is complete, so that an
 * interrupted start leaves no incomplete data.
 * @throws Error if the data belongs to another major version
 */
export async function ensureCluster(
  location: PostgresLocation,
  password: string,
  options: { log: (line: string) => void; throwaway?: boolean },
): Promise<void> {
  const dir = dataDirOf(location)
  for (const name of fs.readdirSync(location.folder).filter((file) => file.startsWith('data.new'))) {
    fs.rmSync(join(location.folder, name), { recursive: true, force: true })
  }
  if (fs.existsSync(dir)) return checkMajor(location)
  options.log(`Creating a PostgreSQL ${location.major} database in ${location.folder}`)
  const draft = `${dir}.new`
  const pwfile = `${dir}.new-password`
  fs.writeFileSync(pwfile, password, { mode: 0o600 })
  if (location.user) fs.chownSync(pwfile, location.user.uid, location.user.gid)
  const sync = options.throwaway ? ['--no-sync'] : []
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${pwfile}`]
  try {
    await run(location, 'initdb', ['-D', draft, '--encoding=UTF8', '--locale=C', ...access, ...sync])
  } finally {
    fs.rmSync(pwfile, { force: true })
  }
  fs.renameSync(draft, dir)
}

/**
 * Returns the port of a server that runs on this data already, when it is ready; null if there is no such server.
 * @throws Error if the server does not become ready within a minute
 */
export async function findRunningPort(location: PostgresLocation): Promise<number | null> {
  for (let left = 600; left > 0; left--) {
    const [pid = '', , , port = '', , , , status = ''] = readPidFile(location)
    if (pid === '' || !isAlive(Number(pid))) return null // The server replaces a stale file.
    if (!commandOf(Number(pid)).includes(dataDirOf(location))) {
      // Another program has this pid now, and PostgreSQL would think that it is the server.
      fs.rmSync(join(dataDirOf(location), 'postmaster.pid'), { force: true })
      return null
    }
    if (status === 'ready') return Number(port)
    await pause(100)
  }
  throw new Error(
    `The PostgreSQL that runs on ${dataDirOf(location)} does not become ready and does not end.`,
  )
}

/** Starts the server on a free port. Returns the port. */
export async function startServer(
  location: PostgresLocation,
  options: { throwaway?: boolean },
): Promise<number> {
  const logFile = join(location.folder, 'postgres.log')
  for (let left = 5; ; left--) {
    const port = await getPort({ host: '127.0.0.1' })
    const all = [...settings, ...timeZones, ...(options.throwaway ? unsafe : []), `port=${port}`]
    const flags = all.map((setting) => `-c ${setting}`).join(' ')
    try {
      await run(location, 'pg_ctl', [
        'start',
        '-w',
        '-t',
        '60',
        '-D',
        dataDirOf(location),
        '-l',
        logFile,
        '-o',
        flags,
      ])
      return port
    } catch (error) {
      // Another program has taken the port meanwhile, or a process of a killed server still runs.
      if (left > 1) await pause(500)
      else
        throw new Error(`PostgreSQL does not start; see ${logFile}.\n${(error as Error).message}`, {
          cause: error,
        })
    }
  }
}

/** Stops the server. Open transactions are rolled back. */
export async function stopServer(location: PostgresLocation): Promise<void> {
  if ((await findRunningPort(location)) === null) return
  await run(location, 'pg_ctl', ['stop', '-m', 'fast', '-w', '-t', '30', '-D', dataDirOf(location)])
}

function dataDirOf(location: PostgresLocation): string {
  return join(location.folder, 'data')
}

function checkMajor(location: PostgresLocation): void {
  const found = fs.readFileSync(join(dataDirOf(location), 'PG_VERSION'), 'utf8').trim()
  if (found === location.major) return
  throw new Error(
    `The data in ${dataDirOf(location)} belongs to PostgreSQL ${found}, but this is PostgreSQL ${location.major}. ` +
      'Set DATA_DIR to another folder, or move the data with pg_dump.',
  )
}

/** Returns the lines of postmaster.pid: pid, data, start, port, socket, address, shared memory, status. */
function readPidFile(location: PostgresLocation): string[] {
  try {
    const text = fs.readFileSync(join(dataDirOf(location), 'postmaster.pid'), 'utf8')
    return text.split('\n').map((line) => line.trim())
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function commandOf(pid: number): string {
  try {
    if (process.platform === 'linux') return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

/** Runs a program of PostgreSQL. Ctrl+C does not reach it, and the user's PG… variables do not apply. */
async function run(location: PostgresLocation, program: string, args: string[]): Promise<void> {
  const child = spawn(join(location.programs, 'bin', program), args, {
    ...location.user,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${output.trim()}`)
}

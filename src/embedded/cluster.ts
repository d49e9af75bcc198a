import { execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Place } from './location.ts'

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'shared_buffers=64MB',
]
const timeless = ['timezone=UTC', 'log_timezone=UTC']
const unsafe = ['fsync=off', 'full_page_writes=off']

/**
 * Makes the data unless it is there: in a folder beside, renamed when whole, so that an interrupted start leaves
 * nothing that looks like data.
 */
export async function ensureCluster(
  place: Place,
  password: string,
  options: { log: (line: string) => void; throwaway?: boolean },
): Promise<void> {
  const dir = dataOf(place)
  for (const name of fs.readdirSync(place.folder).filter((file) => file.startsWith('data.new'))) {
    fs.rmSync(join(place.folder, name), { recursive: true, force: true })
  }
  if (fs.existsSync(dir)) return checkMajor(place)
  options.log(`Making a PostgreSQL ${place.major} database in ${place.folder}`)
  const draft = `${dir}.new`
  const pwfile = `${dir}.new-password`
  fs.writeFileSync(pwfile, password, { mode: 0o600 })
  if (place.user) fs.chownSync(pwfile, place.user.uid, place.user.gid)
  const sync = options.throwaway ? ['--no-sync'] : []
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${pwfile}`]
  try {
    await run(place, 'initdb', ['-D', draft, '--encoding=UTF8', '--locale=C', ...access, ...sync])
  } finally {
    fs.rmSync(pwfile, { force: true })
  }
  fs.renameSync(draft, dir)
}

/** The port of the server that runs on this data already, once it is ready; null when none does. */
export async function runningPort(place: Place): Promise<number | null> {
  for (let left = 600; left > 0; left--) {
    const [pid = '', , , port = '', , , , status = ''] = pidFile(place)
    if (pid === '' || !alive(Number(pid))) return null // A stale file: the server replaces it.
    if (!commandOf(Number(pid)).includes(dataOf(place))) {
      // The number now belongs to another program, which the server would take for a server.
      fs.rmSync(join(dataOf(place), 'postmaster.pid'), { force: true })
      return null
    }
    if (status === 'ready') return Number(port)
    await pause(100)
  }
  throw new Error(`The PostgreSQL that runs on ${dataOf(place)} neither gets ready nor ends.`)
}

/** Starts the server on a free port, which it returns. */
export async function launch(place: Place, options: { throwaway?: boolean }): Promise<number> {
  const logFile = join(place.folder, 'postgres.log')
  for (let left = 5; ; left--) {
    const port = await freePort()
    const all = [...settings, ...timeless, ...(options.throwaway ? unsafe : []), `port=${port}`]
    const words = all.map((setting) => `-c ${setting}`).join(' ')
    try {
      await run(place, 'pg_ctl', ['start', '-w', '-t', '60', '-D', dataOf(place), '-l', logFile, '-o', words])
      return port
    } catch (error) {
      // Another program was faster at the port, or the last of a killed server's processes has not ended yet.
      if (left > 1) await pause(500)
      else
        throw new Error(`PostgreSQL does not start; ${logFile} says why.\n${(error as Error).message}`, {
          cause: error,
        })
    }
  }
}

/** Stops the server: open transactions are rolled back. */
export async function shutDown(place: Place): Promise<void> {
  if ((await runningPort(place)) === null) return
  await run(place, 'pg_ctl', ['stop', '-m', 'fast', '-w', '-t', '30', '-D', dataOf(place)])
}

function dataOf(place: Place): string {
  return join(place.folder, 'data')
}

function checkMajor(place: Place): void {
  const found = fs.readFileSync(join(dataOf(place), 'PG_VERSION'), 'utf8').trim()
  if (found === place.major) return
  throw new Error(
    `The data in ${dataOf(place)} is of PostgreSQL ${found}, and this is PostgreSQL ${place.major}. ` +
      'Set DATA_DIR to another folder, or move the data by pg_dump.',
  )
}

/** postmaster.pid, line by line: pid, data, start, port, socket, address, shared memory, status. */
function pidFile(place: Place): string[] {
  try {
    const text = fs.readFileSync(join(dataOf(place), 'postmaster.pid'), 'utf8')
    return text.split('\n').map((line) => line.trim())
  } catch {
    return []
  }
}

function alive(pid: number): boolean {
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Runs one of PostgreSQL's programs, out of Ctrl+C's reach and without any PG… variable of the user's. */
async function run(place: Place, program: string, args: string[]): Promise<void> {
  const child = spawn(join(place.programs, 'bin', program), args, {
    ...place.user,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${said.trim()}`)
}

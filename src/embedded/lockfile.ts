import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Another running process holds the lock. */
export class LockHeldError extends Error {
  override name = 'LockHeldError'
  readonly pid: number
  constructor(path: string, pid: number) {
    super(`${path} is held by process ${pid}`)
    this.pid = pid
  }
}

/**
 * Acquires a lock that one running process can hold. The lock of a process that has ended is replaced.
 * @returns a function that releases the lock
 * @throws LockHeldError if another running process holds the lock
 */
export function acquireLock(path: string): () => void {
  const mine = `${process.pid} ${startTimeOf(process.pid)}\n`
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, mine)
  try {
    // Linking a finished file is atomic, so no process reads a lock that is only partly written.
    if (!tryLink(draft, path)) {
      removeStale(path)
      if (!tryLink(draft, path)) throw new LockHeldError(path, findHolder(path)?.pid ?? 0)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (read(path) === mine) rmSync(path, { force: true })
  }
}

/** Returns the running process that holds the lock, or null. */
export function findHolder(path: string): { pid: number } | null {
  const [pid = '', ...startTime] = read(path).trim().split(' ')
  return /^\d+$/.test(pid) && startTimeOf(Number(pid)) === startTime.join(' ') ? { pid: Number(pid) } : null
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function removeStale(path: string): void {
  const holder = findHolder(path)
  if (holder) throw new LockHeldError(path, holder.pid)
  const stale = read(path)
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return // Another process has removed it already.
  }
  // If another process has acquired the lock in the meantime, this has moved its file: put it back.
  if (read(aside) !== stale) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Returns the start time of a process as text; '' if it does not exist. It identifies a process together with the pid,
 * because pids are reused.
 */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may contain spaces. The 20th field after it is the start time in ticks since boot.
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

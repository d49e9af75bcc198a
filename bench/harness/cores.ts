import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Which core runs what. Null means that nothing is pinned. */
export interface Cores {
  server: number | null
  database: number | null
  load: number | null
  /** For the heading of the table. */
  description: string
}

const unpinned: Cores = {
  server: null,
  database: null,
  load: null,
  description:
    'nothing is pinned to a core: `taskset` or a second core is missing, so the load slows the server down',
}

/**
 * The server gets a core of its own. PostgreSQL and the load share the second core, or have one each if there are three.
 * Without `taskset` (Linux) or with one core, nothing is pinned.
 */
export function findCores(): Cores {
  const [server, second, third] = allowedCores()
  if (server === undefined || second === undefined || spawnSync('taskset', ['--version']).status !== 0)
    return unpinned
  const load = third ?? second
  return {
    server,
    database: second,
    load,
    description: `server on core ${server}, PostgreSQL on core ${second}, load on core ${load}`,
  }
}

/** Returns the command that runs `command` on one core. */
export function onCore(core: number | null, command: string[]): [string, string[]] {
  const [program = '', ...args] = core === null ? command : ['taskset', '-c', String(core), ...command]
  return [program, args]
}

/** Moves a running process, with all its threads. */
export function moveToCore(core: number | null, pid: number): void {
  if (core !== null) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)])
}

/** The cores that this process may use. */
function allowedCores(): number[] {
  try {
    const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return list.split(',').flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number)
      return Array.from({ length: to - from + 1 }, (_, n) => from + n)
    })
  } catch {
    return []
  }
}

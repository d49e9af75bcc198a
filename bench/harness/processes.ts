import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { onCore } from './cores.ts'

/** Clock ticks per second in /proc; 100 on every Linux. */
const TICKS = 100

export interface RunningProcess {
  pid: number
  child: ChildProcess
  exited: Promise<void>
  /** What it has written to stdout and stderr. */
  output(): string
  /** Sends the signal and waits until the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Ends with this process, whatever ends this process. The value is the signal. */
const running = new Map<ChildProcess, NodeJS.Signals>()
process.on('exit', () => {
  for (const [child, signal] of running) child.kill(signal)
})

/** Starts a program on a core. It can send messages to this process. */
export function startProcess(
  command: string[],
  options: {
    core: number | null
    env?: NodeJS.ProcessEnv
    user?: { uid: number; gid: number } | null
    cwd?: string
    /** Ends the program at once. */
    killSignal?: NodeJS.Signals
  },
): RunningProcess {
  const [program, args] = onCore(options.core, command)
  const child = spawn(program, args, {
    ...options.user,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  running.set(child, options.killSignal ?? 'SIGKILL')
  let written = ''
  child.stdout?.on('data', (chunk) => (written += String(chunk)))
  child.stderr?.on('data', (chunk) => (written += String(chunk)))
  const exited = once(child, 'close').then(() => void running.delete(child))
  return {
    pid: child.pid ?? 0,
    child,
    exited,
    output: () => written,
    async stop(signal = options.killSignal ?? 'SIGKILL') {
      child.kill(signal)
      await exited
    },
  }
}

/**
 * Waits for the first message that `select` accepts.
 * @throws Error with the output of the process if it ends before that
 */
export function nextMessage<Message>(
  { child, exited, output }: RunningProcess,
  select: (message: Record<string, unknown>) => Message | undefined,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const listen = (message: Record<string, unknown>): void => {
      const selected = select(message)
      if (selected === undefined) return
      child.off('message', listen)
      resolve(selected)
    }
    child.on('message', listen)
    void exited.then(() => reject(new Error(`A process ended too early:\n${output()}`)))
  })
}

/**
 * Waits until the output of a process matches, and returns the first group of the pattern.
 * @throws Error with the output of the process if it ends before that
 */
export function nextLine({ child, exited, output }: RunningProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const search = (): void => {
      const found = pattern.exec(output())
      if (found) resolve(found[1] ?? '')
    }
    child.stdout?.on('data', search)
    void exited.then(() => reject(new Error(`A process ended too early:\n${output()}`)))
  })
}

/** CPU seconds of a process, of its children and of the children that have ended. 0 where /proc does not exist. */
export function cpuSeconds(pid: number): number {
  const all = [fields(pid).slice(11, 15), ...childrenOf(pid).map((child) => fields(child).slice(11, 13))]
  return all.flat().reduce((sum, ticks) => sum + ticks, 0) / TICKS
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes = 0] = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

function childrenOf(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`)
    return tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number),
    )
  } catch {
    return []
  }
}

/** The fields of /proc/PID/stat after the name: 11 to 14 are utime, stime, cutime and cstime. */
function fields(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
  } catch {
    return []
  }
}

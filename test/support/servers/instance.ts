import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Instance {
  origin: string
  /** Null until the instance is ready. */
  readonly metricsOrigin: string | null
  pid: number
  child: ChildProcess
  /** Sends a signal and waits until the process has ended. */
  kill(signal?: NodeJS.Signals): Promise<Exit>
  exited: Promise<Exit>
  /** Returns what it has written to stdout and stderr. */
  logs(): string
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The logs of all instances of this run. */
const allLogs = new Set<() => string>()

/** Returns the first of these secrets that an instance has written, with its line; null if none has. */
export function findLeak(secrets: Iterable<string>): string | null {
  const wanted = [...secrets]
  for (const logs of allLogs) {
    const leak = wanted.find((secret) => logs().includes(secret))
    if (leak !== undefined)
      return `${leak}: ${logs()
        .split('\n')
        .find((line) => line.includes(leak))}`
  }
  return null
}

const main = join(import.meta.dirname, '../../../src/main.ts')
const running = new Map<Instance, string>()
let count = 0

/**
 * Starts an instance as a process on a free port, and waits until it is ready, or only until it listens. `useDatabase`
 * kills it after the describe block. Limits are off and the log level is `info`, unless `env` sets them.
 * @throws Error with the instance's log if it exits before that
 */
export async function startInstance(options: {
  databaseUrl: string
  env?: Record<string, string>
  until?: 'ready' | 'listening'
}): Promise<Instance> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      METRICS_PORT: '0',
      INSTANCE_NAME: `test-${process.pid}-${++count}`,
      SESSION_KEYS: 'a key that all instances of a test share',
      LIMITS: 'off',
      DATABASE_URL: options.databaseUrl,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let written = ''
  child.stdout?.on('data', (chunk) => (written += String(chunk)))
  child.stderr?.on('data', (chunk) => (written += String(chunk)))
  allLogs.add(() => written)
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }))
  const ended = exited.then((exit) => {
    throw new Error(`The instance exited (${JSON.stringify(exit)}) before it was ready:\n${written}`)
  })
  let metrics: string | null = null
  const { until = 'ready' } = options
  const announced = new Promise<string>((resolve) => {
    child.on('message', (message: Message) => {
      metrics = message.metrics ?? null
      if (message[until] !== undefined) resolve(message[until])
    })
  })
  const instance: Instance = {
    origin: await Promise.race([announced, ended]),
    get metricsOrigin() {
      return metrics
    },
    pid: child.pid ?? 0,
    child,
    exited,
    logs: () => written,
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      return exited
    },
  }
  running.set(instance, options.databaseUrl)
  void exited.then(() => running.delete(instance))
  return instance
}

interface Message {
  listening?: string
  ready?: string
  metrics?: string | null
}

/** Kills the instances that use this database, or all of them. */
export async function stopInstances(databaseUrl?: string): Promise<void> {
  const toStop = [...running].filter(([, url]) => databaseUrl === undefined || url === databaseUrl)
  await Promise.all(toStop.map(([instance]) => instance.kill()))
}

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Instance {
  origin: string
  /** Null until it is ready. */
  readonly metricsOrigin: string | null
  pid: number
  child: ChildProcess
  /** Sends a signal and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>
  exited: Promise<Exit>
  /** What it has written so far, both outputs. */
  logs(): string
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** What all instances of this run have written. */
const writings = new Set<() => string>()

/** The first of these secrets that an instance of this run has written, with the line; null where none has. */
export function findLeak(secrets: Iterable<string>): string | null {
  const wanted = [...secrets]
  for (const written of writings) {
    const leak = wanted.find((secret) => written().includes(secret))
    if (leak !== undefined)
      return `${leak}: ${written()
        .split('\n')
        .find((line) => line.includes(leak))}`
  }
  return null
}

const main = join(import.meta.dirname, '../../src/main.ts')
const running = new Map<Instance, string>()
let count = 0

/**
 * Starts a real instance on a free port, and waits until it is ready, or only until it listens. It is killed when its
 * database's describe block is over.
 * Limits are off, and its log is at level `info`, unless `env` says otherwise.
 * @throws Error with what it wrote, when it ends before that
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
  writings.add(() => written)
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }))
  const ended = exited.then((exit) => {
    throw new Error(`The instance ended (${JSON.stringify(exit)}) before it was ready:\n${written}`)
  })
  let metrics: string | null = null
  const { until = 'ready' } = options
  const said = new Promise<string>((resolve) => {
    child.on('message', (message: Message) => {
      metrics = message.metrics ?? null
      if (message[until] !== undefined) resolve(message[until])
    })
  })
  const instance: Instance = {
    origin: await Promise.race([said, ended]),
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

/** Kills what still runs: on one database, or all. */
export async function stopInstances(databaseUrl?: string): Promise<void> {
  const over = [...running].filter(([, url]) => databaseUrl === undefined || url === databaseUrl)
  await Promise.all(over.map(([instance]) => instance.kill()))
}

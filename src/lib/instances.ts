import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { createBackoff } from './backoff.ts'

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 30_000
/** An instance that has run for this long restarts with the first delay. */
const STABLE_MS = 60_000

export interface Instances {
  /** Resolves with the origins of the instances, in order, when all are ready. Rejects if one ends before that. */
  ready: Promise<string[]>
  /** Shuts all instances down, and kills those that still run after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>
  /** Kills all instances. */
  kill(): void
}

interface Instance {
  child: ChildProcess
  /** Resolves with the origin. */
  ready: Promise<string>
  /** Resolves with how the process ended, as text. */
  exited: Promise<string>
}

/**
 * Runs one process of the program per environment, and restarts processes that end. The program must send
 * `{ ready: 'http://…' }` over the IPC channel, and must end at SIGTERM or when the channel closes.
 */
export function startInstances(
  file: string,
  environments: NodeJS.ProcessEnv[],
  log: (line: string) => void,
): Instances {
  const stopping = new AbortController()
  const all = environments.map((env, index) => {
    const name = `Instance ${index + 1}`
    return supervise(name, () => startInstance(file, env), { log, stopping: stopping.signal })
  })
  const signal = (name: NodeJS.Signals) => all.forEach((one) => one.current().child.kill(name))
  return {
    ready: Promise.all(all.map((one) => one.ready)),
    async stop(timeoutMs) {
      stopping.abort()
      signal('SIGTERM')
      const timer = setTimeout(() => signal('SIGKILL'), timeoutMs)
      await Promise.all(all.map((one) => one.ended))
      clearTimeout(timer)
    },
    kill: () => signal('SIGKILL'),
  }
}

interface Supervised {
  current(): Instance
  /** Resolves when the first process is ready. Rejects if it ends before that. */
  ready: Promise<string>
  /** Resolves when the process has ended and will not be restarted. */
  ended: Promise<void>
}

function supervise(
  name: string,
  start: () => Instance,
  { log, stopping }: { log: (line: string) => void; stopping: AbortSignal },
): Supervised {
  const backoff = createBackoff({ first: FIRST_DELAY_MS, max: MAX_DELAY_MS })
  let current = start()
  const ready = Promise.race([
    current.ready,
    current.exited.then((how) =>
      fail(`${name} ended ${how} before it was ready; its output above may contain the reason`),
    ),
  ])

  async function restart(how: string, ranFor: number): Promise<void> {
    if (ranFor >= STABLE_MS) backoff.reset()
    const delay = backoff.next()
    log(`${name} ended unexpectedly ${how}; it restarts in ${(delay / 1000).toFixed(1)} s`)
    await pause(delay, null, { signal: stopping }).catch(() => {})
    if (stopping.aborted) return
    current = start()
    void current.ready.then((origin) => log(`${name} listens on ${origin} again`))
  }

  async function run(): Promise<void> {
    const isReady = await ready.then(
      () => true,
      () => false,
    )
    while (isReady && !stopping.aborted) {
      const startedAt = performance.now()
      const how = await current.exited
      if (!stopping.aborted) await restart(how, performance.now() - startedAt)
    }
    await current.exited
  }

  return { current: () => current, ready, ended: run() }
}

function startInstance(file: string, env: NodeJS.ProcessEnv): Instance {
  // Detached, because Ctrl+C signals all processes in the foreground. start.ts forwards the signal once.
  const child = spawn(process.execPath, [file], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  return {
    child,
    ready: new Promise((resolve) => {
      child.on('message', (message: { ready?: string }) => message.ready && resolve(message.ready))
    }),
    exited: new Promise((resolve) => {
      child.once('error', (error) => resolve(`with ${error.message}`))
      child.once('exit', (code, signal) => resolve(signal ? `by ${signal}` : `with exit code ${code}`))
    }),
  }
}

function fail(message: string): never {
  throw new Error(message)
}

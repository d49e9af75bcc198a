import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { createBackoff } from './backoff.ts'

const FIRST_DELAY_MS = 500
const MOST_DELAY_MS = 30_000
/** An instance that ran for this long is restarted soon again. */
const STABLE_MS = 60_000

export interface Instances {
  /** The origins at which they listen, in order, once all are ready; rejects if one ends before it is. */
  ready: Promise<string[]>
  /** Asks all to end, and kills those that have not after `patience` ms. */
  stop(patience: number): Promise<void>
  kill(): void
}

interface Instance {
  child: ChildProcess
  /** Settles with its origin. */
  ready: Promise<string>
  /** Settles with how it ended. */
  exited: Promise<string>
}

/**
 * Runs copies of a program as processes of their own, one for each environment, and restarts those that end. A copy
 * sends `{ ready: 'http://…' }` over the IPC channel, and ends at SIGTERM or when the channel closes.
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
    async stop(patience) {
      stopping.abort()
      signal('SIGTERM')
      const timer = setTimeout(() => signal('SIGKILL'), patience)
      await Promise.all(all.map((one) => one.ended))
      clearTimeout(timer)
    },
    kill: () => signal('SIGKILL'),
  }
}

interface Supervised {
  current(): Instance
  /** Settles when the first one is ready; rejects if it ends before. */
  ready: Promise<string>
  /** Settles when the current one has ended and none follows. */
  ended: Promise<void>
}

function supervise(
  name: string,
  start: () => Instance,
  { log, stopping }: { log: (line: string) => void; stopping: AbortSignal },
): Supervised {
  const backoff = createBackoff({ first: FIRST_DELAY_MS, most: MOST_DELAY_MS })
  let current = start()
  const ready = Promise.race([
    current.ready,
    current.exited.then((how) =>
      fail(`${name} ended ${how} before it was ready; its output above may say why`),
    ),
  ])

  async function restart(how: string, ranFor: number): Promise<void> {
    if (ranFor >= STABLE_MS) backoff.reset()
    const delay = backoff.next()
    log(`${name} ended unexpectedly, ${how}; it is restarted in ${(delay / 1000).toFixed(1)} s`)
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
  // In a session of its own: Ctrl+C in a terminal signals the whole foreground, and start.ts passes it on once.
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

import { spawn, type ChildProcess } from 'node:child_process'

export interface Instances {
  /** The origins at which they listen, in order; rejects if one ends before it does. */
  listening: Promise<string[]>
  /** Settles when an instance ends that nobody stopped, with a sentence that says so. */
  lost: Promise<string>
  /** Asks all to end, and kills those that have not after `patience` ms. */
  stop(patience: number): Promise<void>
  kill(): void
}

interface Instance {
  child: ChildProcess
  listening: Promise<string>
  exited: Promise<string>
}

/**
 * Runs copies of a program as processes of their own, one for each environment. Each says over the IPC channel
 * `{ listening: 'http://…' }`, ends in order at SIGTERM, and ends by itself when the channel closes.
 */
export function startInstances(file: string, environments: NodeJS.ProcessEnv[]): Instances {
  const all = environments.map((env) => startInstance(file, env))
  let stopping = false
  const kill = () => all.forEach(({ child }) => child.kill('SIGKILL'))
  return {
    listening: Promise.all(
      all.map(({ listening, exited }, index) =>
        Promise.race([
          listening,
          exited.then((how) => fail(`Instance ${index + 1} ended ${how}, before it listened`)),
        ]),
      ),
    ),
    lost: new Promise((resolve) => {
      for (const [index, { exited }] of all.entries()) {
        void exited.then((how) => stopping || resolve(`Instance ${index + 1} ended unexpectedly, ${how}`))
      }
    }),
    async stop(patience) {
      stopping = true
      all.forEach(({ child }) => child.kill('SIGTERM'))
      const timer = setTimeout(kill, patience)
      await Promise.all(all.map(({ exited }) => exited))
      clearTimeout(timer)
    },
    kill,
  }
}

function startInstance(file: string, env: NodeJS.ProcessEnv): Instance {
  // In a session of its own: Ctrl+C in a terminal signals all of the foreground, and an instance is to hear it once.
  const child = spawn(process.execPath, [file], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  return {
    child,
    listening: new Promise((resolve) => {
      child.on(
        'message',
        (message: { listening?: string }) => message.listening && resolve(message.listening),
      )
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

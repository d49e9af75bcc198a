import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuSeconds, nextLine, nextMessage, residentBytes, startProcess } from '../processes.ts'
import type { Scope } from '../scope.ts'

/** A process that serves HTTP: an instance of the site, or a floor. */
export interface Server {
  port: number
  pid: number
  cpuSeconds(): number
  /** Only if it has a PostgreSQL of its own. */
  databaseCpuSeconds?(): number
  residentBytes(): number
  output(): string
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface Instance extends Server {
  /** Its metrics. */
  metricsOrigin: string
  /** Milliseconds from the start of the process until it was ready. */
  readyAfter: number
  /** Starts or ends a CPU profile, if it was started with `profiler.ts`. Returns milliseconds by file and function. */
  profile(action: 'start' | 'stop'): Promise<[string, number][]>
}

export const SESSION_KEYS = randomBytes(32).toString('base64')

let count = 0

/** Starts src/main.ts of a checkout as a process in production, without rate limits, and waits until it is ready. */
export async function startInstance(
  scope: Scope,
  options: {
    checkout: string
    core: number | null
    databaseUrl: string
    env?: NodeJS.ProcessEnv
    /** Options of Node, like `--cpu-prof`. */
    node?: string[]
  },
): Promise<Instance> {
  const start = performance.now()
  const started = startProcess(
    [process.execPath, ...(options.node ?? []), join(options.checkout, 'src/main.ts')],
    {
      core: options.core,
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        PUBLIC_ORIGIN: 'http://localhost',
        PORT: '0',
        METRICS_PORT: '0',
        INSTANCE_NAME: `bench-${process.pid}-${++count}`,
        SESSION_KEYS,
        LIMITS: 'off',
        LOG_LEVEL: 'warn',
        DRAIN_SECONDS: '0',
        DATABASE_URL: options.databaseUrl,
        ...options.env,
      },
    },
  )
  scope.defer(() => started.stop())
  const { ready, metrics } = await nextMessage(started, (message) =>
    message.ready === undefined ? undefined : (message as { ready: string; metrics: string | null }),
  )
  const readyAfter = performance.now() - start
  return {
    ...serverOf(started, Number(new URL(ready).port)),
    metricsOrigin: metrics ?? '',
    readyAfter,
    async profile(action) {
      const done = nextMessage(started, ({ profiling, selfTimes = [] }) =>
        action === 'stop' || profiling ? (selfTimes as [string, number][]) : undefined,
      )
      started.child.send({ profile: action })
      return done
    },
  }
}

/** Starts a script of `bench/floors/` as a process. The script sends `{ port }` when it listens. */
export async function startFloor(
  scope: Scope,
  options: { script: string; core: number | null; args?: string[]; node?: string[] },
): Promise<Server> {
  const script = join(import.meta.dirname, '../../floors', options.script)
  const started = startProcess([process.execPath, ...(options.node ?? []), script, ...(options.args ?? [])], {
    core: options.core,
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  })
  scope.defer(() => started.stop())
  return serverOf(started, await nextMessage(started, ({ port }) => port as number | undefined))
}

function serverOf(started: ReturnType<typeof startProcess>, port: number): Server {
  return {
    port,
    pid: started.pid,
    cpuSeconds: () => cpuSeconds(started.pid),
    residentBytes: () => residentBytes(started.pid),
    output: started.output,
    stop: started.stop,
  }
}

/**
 * Starts `npm start` of a checkout in development, with a database of its own on the same core, as somebody runs it who
 * tries the product. `url` is that of the database.
 */
export async function startAll(
  scope: Scope,
  { checkout, core }: { checkout: string; core: number | null },
): Promise<Server & { url: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'koafeed-bench-start-'))
  chmodSync(dataDir, 0o755)
  scope.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const env = { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: '0', METRICS_PORT: '0', LIMITS: 'off' }
  const command = [process.execPath, join(checkout, 'src/start.ts')]
  const started = startProcess(command, { core, env, killSignal: 'SIGTERM' })
  scope.defer(() => started.stop())
  const port = await nextLine(started, /listens on http:\/\/[^:]+:(\d+)/)
  const [postmaster] = readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')
  return {
    ...serverOf(started, Number(port)),
    databaseCpuSeconds: () => cpuSeconds(Number(postmaster)),
    url: readFileSync(join(dataDir, 'database-url'), 'utf8').trim(),
  }
}

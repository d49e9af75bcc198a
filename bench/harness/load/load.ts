import { join } from 'node:path'
import { nextMessage, startProcess } from '../processes.ts'
import type { Scope } from '../scope.ts'

/** What each keep-alive connection sends, one request after the other. */
export interface LoadJob {
  /** The connections are spread over these. */
  ports: number[]
  /** One list of raw requests for each connection. */
  connections: string[][]
  /** After the last request starts again with the first, until the time has passed; otherwise the connection stops. */
  cycle: boolean
  /** Any other status ends the job with an error, except 503, if at most one answer in a hundred is a 503. */
  status: number
  warmUpSeconds: number
  seconds: number
}

export interface LoadResult {
  requests: number
  perSecond: number
  /** Latencies in milliseconds. */
  p50: number
  p95: number
  p99: number
  bytes: number
  seconds: number
  /** How much of its core the load generator used, from 0 to 1. */
  share: number
}

export type RunLoad = (job: LoadJob) => Promise<LoadResult>

/** Starts the load generator. It stays the same process for all jobs, so that its code is compiled once. */
export function startLoad(scope: Scope, core: number | null): RunLoad {
  const generator = startProcess([process.execPath, join(import.meta.dirname, 'load-process.ts')], { core })
  scope.defer(() => generator.stop())
  return async (job) => {
    const answer = nextMessage(generator, (message) => message as { result?: LoadResult; error?: string })
    generator.child.send(job)
    const { result, error } = await answer
    if (!result) throw new Error(error)
    return result
  }
}

/** Returns the text of a request with keep-alive. A body is sent as JSON. */
export function rawRequest(
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string> = {},
  body?: unknown,
): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const all = {
    Host: 'localhost',
    ...(body === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`
}

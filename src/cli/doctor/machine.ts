import { execFileSync } from 'node:child_process'
import { failed, ok, warning, type DoctorCheck, type Result } from './check.ts'

const MIN_FILES = 4_096
const MIN_KEY = 32
const STREAM_TIMEOUT_MS = 5_000

export interface MachineOptions {
  production: boolean
  /** The value of SESSION_KEYS. */
  keys: string | undefined
  /** The public address of the site, without a path. */
  origin: string
}

/** Checks the keys, the limit of open files, and a stream through the public address. */
export function machineChecks({ production, keys, origin }: MachineOptions): DoctorCheck[] {
  return [
    { name: 'keys', run: async () => checkKeys(keys, production) },
    { name: 'open files', run: async () => checkFiles() },
    { name: 'stream', run: () => checkStream(origin) },
  ]
}

/** In production, an instance does not start with keys that are missing or weak. */
function checkKeys(keys: string | undefined, production: boolean): Result {
  const list = (keys ?? '').split(',').filter((key) => key.trim() !== '')
  if (list.length === 0)
    return warning('SESSION_KEYS is not set; `npm start` keeps a key of its own in DATA_DIR')
  if (!production && list.some((key) => key.trim().length < MIN_KEY))
    return warning(`a key of SESSION_KEYS has fewer than ${MIN_KEY} characters`)
  return ok(`${list.length} in SESSION_KEYS`)
}

/** A process inherits the limit, so it is the one of instances that are started like this command. */
function checkFiles(): Result {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  const text = `at most ${limit} per process; each stream takes one`
  return limit !== 'unlimited' && Number(limit) < MIN_FILES ? warning(text) : ok(text)
}

/** A proxy that buffers holds the first bytes of a stream back. */
async function checkStream(origin: string): Promise<Result> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), STREAM_TIMEOUT_MS)
  const start = performance.now()
  try {
    const response = await fetch(`${origin}/public/stream`, {
      headers: { accept: 'text/event-stream' },
      signal: abort.signal,
    })
    const type = response.headers.get('content-type') ?? 'no content type'
    if (response.status !== 200 || !type.startsWith('text/event-stream')) {
      return failed(`${origin}/public/stream answers ${response.status} with ${type}`)
    }
    const { value } = (await response.body?.getReader().read()) ?? {}
    if (!value?.length) return failed(`${origin}/public/stream ended without a byte`)
    return ok(`${origin} sent the first bytes after ${Math.ceil(performance.now() - start)} ms`)
  } catch (error) {
    if (abort.signal.aborted) {
      return failed(
        `${origin} sent nothing of a stream within 5 s. A proxy buffers it: see docs/operations.md, Proxies.`,
      )
    }
    const { cause, message } = error as Error
    return failed(
      `${origin}/public/stream: ${cause instanceof Error ? cause.message || String(cause) : message}`,
    )
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
}

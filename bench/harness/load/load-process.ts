/** The load generator: a process of its own, which `load.ts` starts on the core of the load. */
import { openConnection, type HttpConnection } from './http-client.ts'
import type { LoadJob, LoadResult } from './load.ts'

process.on('message', (job: LoadJob) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
process.on('disconnect', () => process.exit())

/** What happened to the requests that were sent after the warm-up. */
interface Tally {
  /** Milliseconds on the clock of `performance.now`. */
  start: number
  end: number
  /** The latency of each answer, in milliseconds. */
  taken: number[]
  refused: number
  bytes: number
}

async function run(job: LoadJob): Promise<LoadResult> {
  const connections = await Promise.all(
    job.connections.map((_, n) => openConnection(job.ports[n % job.ports.length]!)),
  )
  const start = performance.now() + job.warmUpSeconds * 1_000
  const tally: Tally = { start, end: start + job.seconds * 1_000, taken: [], refused: 0, bytes: 0 }
  let cpuStart = process.cpuUsage()
  const warmUp = setTimeout(() => (cpuStart = process.cpuUsage()), job.warmUpSeconds * 1_000)
  try {
    await Promise.all(
      connections.map((connection, n) => repeat(connection, job.connections[n] ?? [], job, tally)),
    )
    const seconds = (performance.now() - start) / 1_000
    const { user, system } = process.cpuUsage(cpuStart)
    return summarize(tally, seconds, (user + system) / 1e6 / seconds)
  } finally {
    clearTimeout(warmUp)
    for (const connection of connections) connection.close()
  }
}

/** Sends the next request as soon as the last response is complete. */
async function repeat(
  connection: HttpConnection,
  requests: string[],
  { cycle, status }: LoadJob,
  tally: Tally,
): Promise<void> {
  const raw = requests.map((request) => Buffer.from(request))
  for (let n = 0; cycle || n < raw.length; n++) {
    const sentAt = performance.now()
    if (sentAt >= tally.end) return
    const response = await connection.send(raw[n % raw.length]!)
    const isRefused = response.status === 503 && status !== 503
    if (response.status !== status && !isRefused) {
      throw new Error(`The status is not ${status}:\n${response.start()}`)
    }
    if (sentAt < tally.start) continue
    if (isRefused) {
      tally.refused++
      continue
    }
    tally.taken.push(performance.now() - sentAt)
    tally.bytes += response.bytes
  }
}

/** @throws Error if the server refused more than one request in a hundred: the figures would hide it */
function summarize({ taken, refused, bytes }: Tally, seconds: number, share: number): LoadResult {
  if (refused > taken.length / 100)
    throw new Error(`503 for ${refused} requests, and ${taken.length} answers`)
  const sorted = Float64Array.from(taken).sort()
  const at = (fraction: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? NaN
  return {
    requests: taken.length,
    perSecond: taken.length / seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    bytes,
    share,
    seconds,
  }
}

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

async function run(job: LoadJob): Promise<LoadResult> {
  const connections = await Promise.all(job.connections.map(() => openConnection(job.port)))
  try {
    const taken: number[] = []
    let bytes = 0
    let start = performance.now()
    let cpuStart = process.cpuUsage()
    const end = start + (job.warmUpSeconds + job.seconds) * 1_000
    const measureFrom = start + job.warmUpSeconds * 1_000
    const note = (sentAt: number, now: number, size: number): void => {
      if (sentAt < measureFrom) {
        start = now
        cpuStart = process.cpuUsage()
        return
      }
      taken.push(now - sentAt)
      bytes += size
    }
    await Promise.all(
      connections.map((connection, n) => repeat(connection, job.connections[n] ?? [], job, end, note)),
    )
    const seconds = (performance.now() - start) / 1_000
    const { user, system } = process.cpuUsage(cpuStart)
    return summarize(taken, seconds, bytes, (user + system) / 1e6 / seconds)
  } finally {
    for (const connection of connections) connection.close()
  }
}

/** Sends the next request as soon as the last response is complete. */
async function repeat(
  connection: HttpConnection,
  requests: string[],
  { cycle, status }: LoadJob,
  end: number,
  note: (sentAt: number, now: number, bytes: number) => void,
): Promise<void> {
  const raw = requests.map((request) => Buffer.from(request))
  for (let n = 0; cycle || n < raw.length; n++) {
    const sentAt = performance.now()
    if (sentAt >= end) return
    const response = await connection.send(raw[n % raw.length]!)
    if (response.status !== status) throw new Error(`The status is not ${status}:\n${response.start()}`)
    note(sentAt, performance.now(), response.bytes)
  }
}

function summarize(taken: number[], seconds: number, bytes: number, share: number): LoadResult {
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

/** A thread that requests /livez, so that the work of the bench does not delay the measurement. */
import { parentPort, Worker, workerData } from 'node:worker_threads'

const EVERY_MS = 50

export interface LivezProbe {
  /** Returns the slowest response time, in ms. */
  stop(): Promise<number>
}

export function probeLivez(origin: string): LivezProbe {
  const worker = new Worker(new URL(import.meta.url), { workerData: { origin } })
  return {
    async stop() {
      const slowest = Promise.withResolvers<number>()
      worker.once('message', slowest.resolve)
      worker.once('error', slowest.reject)
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- not a window
      worker.postMessage('stop')
      return slowest.promise
    },
  }
}

if (parentPort) void probe((workerData as { origin: string }).origin, parentPort)

async function probe(origin: string, port: NonNullable<typeof parentPort>): Promise<void> {
  let isRunning = true
  let slowest = 0
  port.once('message', () => (isRunning = false))
  while (isRunning) {
    const start = performance.now()
    await fetch(`${origin}/livez`).then((response) => response.arrayBuffer())
    slowest = Math.max(slowest, performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- not a window
  port.postMessage(Math.round(slowest))
}

import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './http.ts'
import { openStream, type StreamEvent, type TestStream } from './sse.ts'

/** What one person was told on one stream, which they come back to as a browser would, whatever ends it. */
export interface Witness {
  events(): StreamEvent[]
  /** How often the stream was not to be had. */
  refusals(): number
  stop(): Promise<void>
}

const AGAIN_MS = 20

export function watch(person: Client, path: string): Witness {
  const events: StreamEvent[] = []
  let refusals = 0
  let stopped = false
  let stream: TestStream | null = null

  async function follow(): Promise<void> {
    for (let last: string | undefined; !stopped;) {
      const headers: Record<string, string> = { cookie: person.cookie() }
      if (last) headers['last-event-id'] = last
      stream = await openStream(person.origin + path, { headers })
      if (stopped) stream.close()
      await stream.closed
      if (stream.status !== 200) refusals += 1
      last = stream.lastId() ?? last
      events.push(...stream.events)
      stream = null
      await pause(AGAIN_MS)
    }
  }
  const over = follow().catch((error: unknown) => {
    // An instance that ends before the witness does is no matter.
    if (!stopped) throw error
  })

  return {
    events: () => [...events, ...(stream?.events ?? [])],
    refusals: () => refusals,
    async stop() {
      stopped = true
      stream?.close()
      await over
    },
  }
}

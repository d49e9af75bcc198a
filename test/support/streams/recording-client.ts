import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../http.ts'
import { openStream, type StreamEvent, type TestStream } from './sse.ts'

/** Records the events of one stream. Reconnects with its cursor, as a browser does, whenever the stream ends. */
export interface RecordingClient {
  events(): StreamEvent[]
  /** How many responses had a status other than 200. */
  refusals(): number
  stop(): Promise<void>
}

const RECONNECT_MS = 20

export function record(person: Client, path: string): RecordingClient {
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
      await pause(RECONNECT_MS)
    }
  }
  const following = follow().catch((error: unknown) => {
    // The instance may end before the client is stopped.
    if (!stopped) throw error
  })

  return {
    events: () => [...events, ...(stream?.events ?? [])],
    refusals: () => refusals,
    async stop() {
      stopped = true
      stream?.close()
      await following
    },
  }
}

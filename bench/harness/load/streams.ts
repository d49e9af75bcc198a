import { join } from 'node:path'
import { nextMessage, startProcess } from '../processes.ts'
import type { Scope } from '../scope.ts'

export type StreamRequest =
  | { do: 'open'; port: number; requests: string[] }
  | { do: 'await'; text: string }
  | { do: 'arrivals'; seconds: number }
  | { do: 'close' }
  | { do: 'report' }

export interface StreamReport {
  /** Streams that the server has not closed. */
  open: number
  /** Since the first stream opened. */
  bytes: number
  reads: number
  cpuSeconds: number
  /** When the awaited text arrived at each stream, in milliseconds on the clock of `now`. */
  arrivals: number[]
}

/** Clients of streams, in one process on the core of the load. */
export interface StreamClients {
  /** Opens one stream for each raw request, and waits until each has its first id. */
  open(port: number, requests: string[]): Promise<void>
  /** Notes from now on when the text arrives at each stream. The text must stand at the start of a frame. */
  expect(text: string): Promise<void>
  /**
   * Waits until the text has arrived at all streams.
   * @throws Error if it has not within `seconds`
   */
  arrivals(seconds?: number): Promise<number[]>
  report(): Promise<StreamReport>
  close(): Promise<void>
  pid: number
}

/** Milliseconds on a clock that all processes of the machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}

export function startStreamClients(scope: Scope, core: number | null): StreamClients {
  const script = join(import.meta.dirname, 'stream-process.ts')
  const clients = startProcess([process.execPath, script], { core })
  scope.defer(() => clients.stop())
  async function send(request: StreamRequest): Promise<StreamReport> {
    const answer = nextMessage(clients, (message) => message as { report?: StreamReport; error?: string })
    clients.child.send(request)
    const { report, error } = await answer
    if (!report) throw new Error(error)
    return report
  }
  return {
    open: async (port, requests) => void (await send({ do: 'open', port, requests })),
    expect: async (text) => void (await send({ do: 'await', text })),
    arrivals: async (seconds = 30) => (await send({ do: 'arrivals', seconds })).arrivals,
    report: () => send({ do: 'report' }),
    close: async () => void (await send({ do: 'close' })),
    pid: clients.pid,
  }
}

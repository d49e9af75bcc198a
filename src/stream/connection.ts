import type { ServerResponse } from 'node:http'
import { encodeSse } from '../lib/sse.ts'

/** Bytes that may wait for one client. What would go beyond closes the connection: an event is never skipped. */
const MAX_WAITING_BYTES = 1024 * 1024
const END_GRACE_MS = 2_000

/** The wire to one client. It writes to the response itself, so that `writableLength` tells what really waits. */
export interface Connection {
  /** Answers with the headers of a stream; to a HEAD, that is all. */
  open(): void
  write(bytes: Buffer | string): void
  /** Ends in good order: the client is told when to come back, in ms, with its cursor; soon, unless told otherwise. */
  end(retry?: number): void
  /** Cuts the wire. */
  destroy(): void
  /** Resolves once what waits has gone out, or the connection is closed. */
  drained(): Promise<void>
  closed(): boolean
  /** Calls `listener` once it is closed. */
  onClose(listener: () => void): void
  /** Milliseconds since the last write. */
  idleFor(): number
  /**
   * Milliseconds for which the client has taken nothing of what waits, as far as can be seen; 0 where nothing waits.
   * The kernel says that there is room only when much of its buffer is free again.
   */
  stalledFor(): number
}

export function createConnection(response: ServerResponse): Connection {
  // A client may hang up while its rights are being read: then no `close` comes any more.
  let closed = response.destroyed
  let ending = false
  let lastWriteAt = Date.now()
  let lastProgressAt = lastWriteAt
  /** Node gets no more than it asks for: so each `drain` shows progress, also of a client that never has it all. */
  let waiting: Buffer[] = []
  let waitingBytes = 0

  response.on('drain', () => {
    lastProgressAt = Date.now()
    pass()
  })
  response.once('close', () => {
    closed = true
    waiting = []
  })
  response.on('error', () => response.destroy())

  function pass(): void {
    if (closed) return
    let passed = 0
    for (; passed < waiting.length && !response.writableNeedDrain; passed++) {
      waitingBytes -= waiting[passed]!.length
      response.write(waiting[passed])
    }
    waiting.splice(0, passed)
    if (ending && waiting.length === 0) response.end()
  }

  const isStuck = (): boolean => waiting.length > 0 || response.writableNeedDrain

  const connection: Connection = {
    open() {
      response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache, no-transform',
        'X-Accel-Buffering': 'no',
      })
      if (response.req.method !== 'HEAD') return
      closed = true
      response.end()
    },
    write(given) {
      if (closed || ending) return
      const bytes = typeof given === 'string' ? Buffer.from(given) : given
      if (response.writableLength + waitingBytes + bytes.length > MAX_WAITING_BYTES) {
        connection.destroy()
        return
      }
      lastWriteAt = Date.now()
      if (!isStuck()) lastProgressAt = lastWriteAt
      waiting.push(bytes)
      waitingBytes += bytes.length
      pass()
    },
    end(retry = between(50, 500)) {
      if (closed || ending) return
      connection.write(encodeSse({ retry }))
      ending = true
      pass()
      setTimeout(connection.destroy, END_GRACE_MS).unref()
    },
    destroy() {
      closed = true
      response.destroy()
    },
    async drained() {
      while (!closed && isStuck()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        response.once('drain', resolve).once('close', resolve)
        await promise
        response.off('drain', resolve).off('close', resolve)
      }
    },
    closed: () => closed,
    onClose: (listener) => void response.once('close', listener),
    idleFor: () => Date.now() - lastWriteAt,
    stalledFor: () => (isStuck() ? Date.now() - lastProgressAt : 0),
  }
  return connection
}

/** A random whole number, so that clients do not come back in step. */
export function between(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low + 1))
}

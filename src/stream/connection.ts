import type { ServerResponse } from 'node:http'
import { encodeSse } from '../lib/sse.ts'

/** Bytes that may wait for one client. What would go beyond closes the connection: an event is never skipped. */
const MAX_WAITING_BYTES = 1024 * 1024
const END_GRACE_MS = 2_000

/** The wire to one client. It writes to the response itself, so that `writableLength` tells what really waits. */
export interface Connection {
  write(bytes: Buffer | string): void
  /** Ends in good order: the client is told to come back soon, with its cursor. */
  end(): void
  /** Cuts the wire. */
  destroy(): void
  /** Resolves once what waits has gone out, or the connection is closed. */
  drained(): Promise<void>
  closed(): boolean
  /** Milliseconds since the last write. */
  idleFor(): number
  /** Milliseconds for which the client has taken nothing of what waits; 0 where nothing does. */
  stalledFor(): number
}

export function openConnection(response: ServerResponse, onClose: () => void): Connection {
  // A client may hang up while its rights are being read: then no `close` comes any more.
  let closed = response.destroyed
  let ending = false
  let lastWriteAt = Date.now()
  let lastProgressAt = lastWriteAt
  /** Node gets no more than it asks for: so each `drain` is progress, however slow the client. */
  let waiting: Buffer[] = []
  let waitingBytes = 0

  response.on('drain', () => {
    lastProgressAt = Date.now()
    pass()
  })
  response.once('close', () => {
    closed = true
    waiting = []
    onClose()
  })
  response.on('error', () => response.destroy())

  function pass(): void {
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
    write(given) {
      if (closed || ending || response.writableEnded) return
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
    end() {
      if (closed || ending) return
      connection.write(encodeSse({ retry: between(50, 500) }))
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
    idleFor: () => Date.now() - lastWriteAt,
    stalledFor: () => (isStuck() ? Date.now() - lastProgressAt : 0),
  }
  return connection
}

/** A random whole number, so that clients do not come back in step. */
export function between(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low + 1))
}

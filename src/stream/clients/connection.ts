import { createBlock, type Block, type Encoding } from '../encoding/block.ts'
import { randomBetween, systemClock, type Clock } from '../../lib/clock.ts'

/** Bytes that may wait for one client. A write beyond that closes the connection: an event is never skipped. */
const MAX_WAITING_BYTES = 1024 * 1024
const END_GRACE_MS = 2_000

/** The part of `http.ServerResponse` that a stream needs. */
export interface StreamResponse {
  readonly req: { readonly method?: string | undefined }
  readonly destroyed: boolean
  readonly writableLength: number
  readonly writableNeedDrain: boolean
  writeHead(status: number, headers: Record<string, string>): unknown
  write(bytes: Buffer): unknown
  end(): unknown
  destroy(): unknown
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown
  once(event: 'drain' | 'close', listener: () => void): this
  off(event: 'drain' | 'close', listener: () => void): this
}

/** The connection to one client. Writes directly to the response, so that `writableLength` is exact. */
export interface Connection {
  /** Sends the headers of a stream, and ends the response of a HEAD request. */
  open(): void
  write(block: Block): void
  /** Ends after the waiting bytes have been sent, and asks the client to reconnect in `retry` ms, by default soon. */
  end(retry?: number): void
  /** Closes the connection at once. */
  destroy(): void
  /** Resolves once the waiting bytes have been sent, or the connection is closed. */
  drained(): Promise<void>
  closed(): boolean
  /** Calls `listener` when the connection closes. */
  onClose(listener: () => void): void
  /** Milliseconds since the last write. */
  idleFor(): number
  /** Bytes that have been written here, and that the kernel has not yet accepted. */
  waitingBytes(): number
  /**
   * Milliseconds since the client last read some of the waiting bytes; 0 if nothing waits. This is an upper bound: the
   * kernel reports room only when much of its buffer is free again.
   */
  stalledFor(): number
}

export function createConnection(
  response: StreamResponse,
  encoding: Encoding,
  clock: Clock = systemClock,
): Connection {
  // A client may disconnect before this line. Then the response emits no `close` event any more.
  let closed = response.destroyed
  let ending = false
  let lastWriteAt = clock.now()
  let lastProgressAt = lastWriteAt
  /** Bytes that Node does not have yet. It gets them only while it has room, so each `drain` shows that the client reads. */
  let waiting: Buffer[] = []
  let waitingBytes = 0

  response.on('drain', () => {
    lastProgressAt = clock.now()
    pass()
  })
  response.once('close', () => {
    closed = true
    waiting = []
    waitingBytes = 0
  })
  response.on('error', () => response.destroy())

  function pass(): void {
    if (closed) return
    let passed = 0
    for (; passed < waiting.length && !response.writableNeedDrain; passed++) {
      waitingBytes -= waiting[passed]!.length
      response.write(waiting[passed]!)
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
        ...(encoding === 'zstd' && { 'Content-Encoding': encoding }),
      })
      if (response.req.method !== 'HEAD') return
      closed = true
      response.end()
    },
    write(block) {
      if (closed || ending) return
      const bytes = block.bytes(encoding)
      if (connection.waitingBytes() + bytes.length > MAX_WAITING_BYTES) {
        connection.destroy()
        return
      }
      lastWriteAt = clock.now()
      if (!isStuck()) lastProgressAt = lastWriteAt
      waiting.push(bytes)
      waitingBytes += bytes.length
      pass()
    },
    end(retry = randomBetween(clock, 50, 500)) {
      if (closed || ending) return
      connection.write(createBlock({ retry }))
      ending = true
      pass()
      clock.after(END_GRACE_MS, connection.destroy)
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
    idleFor: () => clock.now() - lastWriteAt,
    waitingBytes: () => response.writableLength + waitingBytes,
    stalledFor: () => (isStuck() ? clock.now() - lastProgressAt : 0),
  }
  return connection
}

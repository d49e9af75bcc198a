import { createBlock, type Block, type Encoding } from '../encoding/block.ts'
import { randomBetween, systemClock, type Clock } from '../../lib/clock.ts'

/** Bytes that may wait for one client. A write beyond that closes the connection: an event is never skipped. */
const MAX_WAITING_BYTES = 1024 * 1024
const END_GRACE_MS = 2_000

/** The part of a socket, or of an `http.ServerResponse`, that a stream needs. */
export interface Transport {
  readonly destroyed: boolean
  readonly writableLength: number
  readonly writableNeedDrain: boolean
  readonly writableCorked: number
  cork(): unknown
  uncork(): unknown
  write(bytes: Buffer): unknown
  end(): unknown
  destroy(): unknown
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown
  once(event: 'drain' | 'finish' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** A response whose head has not been sent yet. */
export interface UnsentResponse extends Pick<Transport, 'destroyed' | 'destroy' | 'once'> {
  /** Sends the head. Returns null if the response has no body. */
  begin(headers: Record<string, string>): Transport | null
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
  response: UnsentResponse,
  encoding: Encoding,
  clock: Clock = systemClock,
): Connection {
  // A client may disconnect before this line. Then the response emits no `close` event any more.
  let closed = response.destroyed
  /** Until the head is sent. Request, response and context can be freed afterwards. */
  let unsent: UnsentResponse | null = response
  let transport: Transport | null = null
  let ending = false
  let lastWriteAt = clock.now()
  let lastProgressAt = lastWriteAt
  /** Bytes that Node does not have yet. It gets them only while it has room, so each `drain` shows that the client reads. */
  let waiting: Buffer[] = []
  let waitingBytes = 0
  const listeners: (() => void)[] = []

  function setClosed(): void {
    closed = true
    waiting = []
    waitingBytes = 0
    for (const listener of listeners.splice(0)) listener()
  }
  response.once('close', () => {
    if (unsent !== null) setClosed()
  })

  function pass(): void {
    if (closed || transport === null) return
    collectWrites(transport)
    let passed = 0
    for (; passed < waiting.length && !transport.writableNeedDrain; passed++) {
      waitingBytes -= waiting[passed]!.length
      transport.write(waiting[passed]!)
    }
    waiting.splice(0, passed)
    if (!ending || waiting.length > 0) return
    // A socket would wait for the client to end its side too.
    transport.once('finish', connection.destroy)
    transport.end()
  }

  const isStuck = (): boolean => waiting.length > 0 || (transport?.writableNeedDrain ?? false)

  const connection: Connection = {
    open() {
      if (closed || unsent === null) return
      const response = unsent
      unsent = null
      transport = response.begin({
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache, no-transform',
        'X-Accel-Buffering': 'no',
        ...(encoding === 'zstd' && { 'Content-Encoding': encoding }),
      })
      if (transport === null) return setClosed()
      transport.on('drain', () => {
        lastProgressAt = clock.now()
        pass()
      })
      transport.once('close', setClosed)
      transport.on('error', connection.destroy)
      pass()
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
      ;(transport ?? unsent)?.destroy()
    },
    async drained() {
      while (!closed && transport !== null && isStuck()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        transport.once('drain', resolve)
        transport.once('close', resolve)
        await promise
        transport.off('drain', resolve)
        transport.off('close', resolve)
      }
    },
    closed: () => closed,
    onClose: (listener) => void listeners.push(listener),
    idleFor: () => clock.now() - lastWriteAt,
    waitingBytes: () => (transport?.writableLength ?? 0) + waitingBytes,
    stalledFor: () => (isStuck() ? clock.now() - lastProgressAt : 0),
  }
  return connection
}

/** The writes of a turn of the event loop cost one system call. */
function collectWrites(transport: Transport): void {
  if (transport.writableCorked > 0) return
  transport.cork()
  process.nextTick(uncork, transport)
}

function uncork(transport: Transport): void {
  transport.uncork()
}

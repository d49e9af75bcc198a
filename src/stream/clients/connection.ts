import { createBlock, type Block, type Encoding } from '../encoding/block.ts'
import { randomBetween, systemClock, type Clock } from '../../lib/clock.ts'
import type { Backlog } from './backlog.ts'
import type { StreamCounts } from '../metrics.ts'
import { collectWrites, type Transport, type UnsentResponse } from './transport.ts'

/** Bytes that may wait for one client. A write beyond that closes the connection: an event is never skipped. */
const MAX_WAITING_BYTES = 1024 * 1024
const END_GRACE_MS = 2_000

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
  { backlog, clock = systemClock, counts }: { backlog: Backlog; clock?: Clock; counts: StreamCounts },
): Connection {
  return new StreamConnection(response, encoding, { backlog, clock, counts })
}

/**
 * A class, because closures for each stream cost more: an idle anonymous stream, with its subscriber, had 21 kB instead
 * of 17.
 */
class StreamConnection implements Connection {
  /** Null once the head is sent, so that request, response and context can be freed. */
  private unsent: UnsentResponse | null
  private transport: Transport | null = null
  private readonly encoding: Encoding
  private readonly backlog: Backlog
  private readonly clock: Clock
  private readonly counts: StreamCounts
  private isClosed: boolean
  private isEnding = false
  private lastWriteAt: number
  private lastProgressAt: number
  /**
   * Bytes that have not been passed to Node. They are passed only while its buffer has room, so each `drain` shows that
   * the client reads.
   */
  private waiting: Buffer[] | null = null
  private waitingLength = 0
  /** Called when the connection closes. */
  private listener: (() => void) | null = null

  constructor(
    response: UnsentResponse,
    encoding: Encoding,
    { backlog, clock, counts }: { backlog: Backlog; clock: Clock; counts: StreamCounts },
  ) {
    this.unsent = response
    this.encoding = encoding
    this.backlog = backlog
    this.clock = clock
    this.counts = counts
    // A client may disconnect before this line. Then the response emits no `close` event any more.
    this.isClosed = response.destroyed
    this.lastWriteAt = this.lastProgressAt = clock.now()
    response.once('close', () => {
      if (this.unsent !== null) this.setClosed()
    })
  }

  open(): void {
    if (this.isClosed || this.unsent === null) return
    const response = this.unsent
    this.unsent = null
    const transport = response.begin({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      'X-Server-Time': String(Date.now()),
      ...(this.encoding === 'zstd' && { 'Content-Encoding': this.encoding }),
    })
    if (transport === null) return this.setClosed()
    this.transport = transport
    transport.on('drain', () => {
      this.lastProgressAt = this.clock.now()
      this.pass()
    })
    transport.on('close', () => this.setClosed())
    transport.on('error', () => this.destroy())
    this.pass()
  }

  write(block: Block): void {
    if (this.isClosed || this.isEnding) return
    const bytes = block.bytes(this.encoding)
    if (this.waitingBytes() + bytes.length > MAX_WAITING_BYTES) {
      this.counts.slowClients.full += 1
      this.destroy()
      return
    }
    this.counts.frames += 1
    this.counts.bytes += bytes.length
    this.lastWriteAt = this.clock.now()
    if (this.transport === null || this.isStuck()) {
      this.waiting ??= []
      this.waiting.push(bytes)
      this.waitingLength += bytes.length
      this.backlog.add(this, bytes)
      return
    }
    this.lastProgressAt = this.lastWriteAt
    collectWrites(this.transport)
    this.transport.write(bytes)
  }

  end(retry = randomBetween(this.clock, 50, 500)): void {
    if (this.isClosed || this.isEnding) return
    this.write(createBlock({ retry }))
    this.isEnding = true
    this.pass()
    this.clock.after(END_GRACE_MS, () => this.destroy())
  }

  destroy(): void {
    this.isClosed = true
    this.dropWaiting()
    const open = this.transport ?? this.unsent
    open?.destroy()
  }

  async drained(): Promise<void> {
    const { transport } = this
    while (!this.isClosed && transport !== null && this.isStuck()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      transport.once('drain', resolve)
      transport.once('close', resolve)
      await promise
      transport.off('drain', resolve)
      transport.off('close', resolve)
    }
  }

  closed(): boolean {
    return this.isClosed
  }

  onClose(listener: () => void): void {
    const earlier = this.listener
    this.listener =
      earlier === null
        ? listener
        : () => {
            earlier()
            listener()
          }
  }

  idleFor(): number {
    return this.clock.now() - this.lastWriteAt
  }

  waitingBytes(): number {
    return (this.transport?.writableLength ?? 0) + this.waitingLength
  }

  stalledFor(): number {
    return this.isStuck() ? this.clock.now() - this.lastProgressAt : 0
  }

  private setClosed(): void {
    this.isClosed = true
    this.dropWaiting()
    const { listener } = this
    this.listener = null
    listener?.()
  }

  private dropWaiting(): void {
    for (const bytes of this.waiting ?? []) this.backlog.remove(bytes)
    this.waiting = null
    this.waitingLength = 0
    this.backlog.leave(this)
  }

  private isStuck(): boolean {
    return this.waiting !== null || (this.transport?.writableNeedDrain ?? false)
  }

  private pass(): void {
    const { transport, waiting } = this
    if (this.isClosed || transport === null) return
    if (waiting !== null) {
      collectWrites(transport)
      let passed = 0
      for (; passed < waiting.length && !transport.writableNeedDrain; passed++) {
        const bytes = waiting[passed]!
        this.waitingLength -= bytes.length
        this.backlog.remove(bytes)
        transport.write(bytes)
      }
      waiting.splice(0, passed)
      if (waiting.length === 0) this.dropWaiting()
    }
    if (!this.isEnding || this.waiting !== null) return
    // A socket would wait for the client to end its side too.
    transport.once('finish', () => this.destroy())
    transport.end()
  }
}

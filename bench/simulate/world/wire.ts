import type { Transport, UnsentResponse } from '../../../src/stream/clients/transport.ts'
import type { Process, Scheduler } from '../scheduler.ts'

/** The bytes of one connection that are in kernels and in the network. */
const KERNEL_BYTES = 128 * 1024
const HIGH_WATER_MARK = 16 * 1024
const LATENCY_MS = 4
const SLOW_MS = 40
const WRITE_MS = 0.004
const BYTE_MS = 0.000_001

/** `fast` reads everything at once, `slow` a few kilobytes per 40 ms, `stalled` nothing. */
export type Pace = 'fast' | 'slow' | 'stalled'

export interface Receiver {
  pace(): Pace
  receive(sent: Sent): void
  closed(): void
  /** The server refused the request. */
  refused(status: number): void
}

/** One write, with the instance's view of the log at that time. */
export interface Sent {
  bytes: Buffer
  stamp: Stamp
}

export interface Stamp {
  /** The timeline that the instance follows. */
  generation: number
  /** The last `seq` that both timelines certainly share. */
  limit: number
}

/** The server's end of a connection, and the actions of its client and of the network. */
export interface SimulatedWire extends UnsentResponse, Transport {
  respond(status: number): void
  /** Breaks the connection. Up to `kept` of the blocks that were sent before still arrive. */
  cut(kept: number): void
  /** The client closes the connection. The server may or may not notice. */
  abandon(isHeard: boolean): void
  /** The client changes how fast it reads. */
  resume(): void
}

type Listener = () => void

export function createWire(
  scheduler: Scheduler,
  process: Process,
  receiver: Receiver,
  nextStamp: () => Stamp,
): SimulatedWire {
  /** Each listener, and whether it is called only once. */
  const listeners = { drain: new Map<Listener, boolean>(), close: new Map<Listener, boolean>() }
  let queue: Sent[] = []
  let queueBytes = 0
  const kernel: Sent[] = []
  let kernelBytes = 0
  let needsDrain = false
  let pumping = false
  let ended = false
  let destroyed = false
  let isConnected = true
  let isReached = true

  function emit(event: 'drain' | 'close'): void {
    for (const [listener, isOnce] of Array.from(listeners[event])) {
      if (isOnce) listeners[event].delete(listener)
      listener()
    }
  }

  function fillKernel(): void {
    while (queue.length > 0 && kernelBytes < KERNEL_BYTES) {
      const sent = queue.shift()!
      queueBytes -= sent.bytes.length
      kernelBytes += sent.bytes.length
      kernel.push(sent)
    }
    if (!pumping && isReached && (kernel.length > 0 || ended) && receiver.pace() !== 'stalled') {
      pumping = true
      scheduler.after(receiver.pace() === 'fast' ? LATENCY_MS : SLOW_MS, pump)
    }
  }

  /** The client reads the bytes that have arrived. */
  function pump(): void {
    pumping = false
    if (!isConnected || !isReached || receiver.pace() === 'stalled') return
    let budget = receiver.pace() === 'fast' ? Infinity : 4096
    while (kernel.length > 0 && budget > 0 && isConnected) {
      const sent = kernel.shift()!
      kernelBytes -= sent.bytes.length
      budget -= sent.bytes.length
      receiver.receive(sent)
    }
    if (kernel.length === 0 && queue.length === 0 && ended) return close()
    if (queue.length > 0 || needsDrain) process.after(0, writable)
    else if (kernel.length > 0) fillKernel()
  }

  function writable(): void {
    if (destroyed) return
    fillKernel()
    if (!needsDrain || queue.length > 0) return
    needsDrain = false
    emit('drain')
  }

  /** Ends the connection on both sides. */
  function close(): void {
    if (isConnected && isReached) receiver.closed()
    isConnected = false
    process.after(0, closeServer)
  }

  function closeServer(): void {
    if (destroyed) return
    destroyed = true
    queue = []
    queueBytes = 0
    emit('close')
  }

  const wire: SimulatedWire = {
    get destroyed() {
      return destroyed
    },
    get writableLength() {
      return queueBytes
    },
    get writableNeedDrain() {
      return needsDrain
    },
    writableCorked: 1, // Each write costs the same here.
    cork() {},
    uncork() {},
    begin: () => wire,
    write(bytes) {
      if (destroyed) return
      process.charge(WRITE_MS + bytes.length * BYTE_MS)
      queue.push({ bytes, stamp: nextStamp() })
      queueBytes += bytes.length
      fillKernel()
      if (queueBytes >= HIGH_WATER_MARK) needsDrain = true
    },
    end() {
      ended = true
      fillKernel()
    },
    destroy() {
      if (destroyed) return
      destroyed = true
      queue = []
      queueBytes = 0
      process.after(0, () => emit('close'))
      scheduler.after(LATENCY_MS, () => wire.cut(kernel.length))
    },
    on(event, listener) {
      if (event !== 'error') listeners[event].set(listener, false)
    },
    once(event, listener) {
      if (event !== 'finish') listeners[event].set(listener, true)
    },
    off(event, listener) {
      listeners[event].delete(listener)
    },
    respond(status) {
      if (destroyed) return
      scheduler.after(LATENCY_MS, () => {
        if (!isConnected || !isReached) return
        isConnected = false
        receiver.refused(status)
      })
      closeServer()
    },
    cut(kept) {
      if (!isConnected) return
      for (const sent of kernel.splice(0, kept)) if (isReached && isConnected) receiver.receive(sent)
      close()
    },
    abandon(isHeard) {
      isReached = false
      if (isHeard) scheduler.after(LATENCY_MS, close)
    },
    resume: fillKernel,
  }
  return wire
}

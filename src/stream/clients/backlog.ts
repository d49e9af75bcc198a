/** An entry in the queue of a connection: a reference in an array that grows by halves. */
const ENTRY_BYTES = 16
/** A cut makes room for a while, so that the next write does not cut again. */
const SHARE_AFTER_CUT = 0.9

/** A connection with blocks that wait for its client. */
export interface Waiter {
  waitingBytes(): number
  stalledFor(): number
  destroy(): void
}

/**
 * Bounds the memory of all blocks that wait for the clients of an instance. A block that waits for many clients exists
 * once, so it counts once, and each queue that has it counts one entry. Above the bound, it cuts the slowest clients:
 * those that have read nothing for the longest time. So a client that reads is cut last, even if a burst waits for it.
 * Clients that are cut reconnect with their cursor and miss nothing.
 *
 * Node itself buffers up to 16 kB and a block for each client. The bound does not include these.
 */
export class Backlog {
  private readonly maxBytes: number
  private readonly uses = new Map<Buffer, number>()
  private readonly waiters = new Set<Waiter>()
  private blockBytes = 0
  private entries = 0
  private cutCount = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The memory that counts, in bytes. */
  size(): number {
    return this.blockBytes + this.entries * ENTRY_BYTES
  }

  /** How many clients have been cut. */
  cuts(): number {
    return this.cutCount
  }

  /** Counts a block that `waiter` has added to its queue. This may destroy `waiter`, or others. */
  add(waiter: Waiter, bytes: Buffer): void {
    const uses = this.uses.get(bytes) ?? 0
    this.uses.set(bytes, uses + 1)
    if (uses === 0) this.blockBytes += bytes.length
    this.entries += 1
    this.waiters.add(waiter)
    if (this.size() > this.maxBytes) this.cutSlowest()
  }

  /** Counts a block that has left the queue of a waiter. */
  remove(bytes: Buffer): void {
    const uses = this.uses.get(bytes)!
    this.entries -= 1
    if (uses > 1) {
      this.uses.set(bytes, uses - 1)
      return
    }
    this.uses.delete(bytes)
    this.blockBytes -= bytes.length
  }

  /** The queue of `waiter` is empty. */
  leave(waiter: Waiter): void {
    this.waiters.delete(waiter)
  }

  private cutSlowest(): void {
    const slowestFirst = [...this.waiters]
      .map((waiter) => ({ waiter, bytes: waiter.waitingBytes(), stalledFor: waiter.stalledFor() }))
      .toSorted((a, b) => b.stalledFor - a.stalledFor || b.bytes - a.bytes)
    for (const { waiter } of slowestFirst) {
      if (this.size() <= this.maxBytes * SHARE_AFTER_CUT) return
      this.cutCount += 1
      waiter.destroy()
    }
  }
}

import type { Clock } from '../../lib/clock.ts'
import type { LogRow } from '../log/events.ts'

/** Rows that may wait; the log keeps what finds no room. */
const MAX_ROWS = 500
/** Relayed per turn of the event loop, so that sockets are flushed and other requests answered in between. */
const TURN_BYTES = 256 * 1024
const TURN_MS = 10
/** A turn that used up its bytes waits this long for clients that are still reading, a few times at most. */
const PAUSE_MS = 10
const MAX_PAUSES_FOR_MOST = 25
/** A few that get more than the others must not be cut; if they are slow, the others must not wait for them. */
const MAX_PAUSES_FOR_FEW = 4

/** Rows in order on their way to the hub: bounded, and relayed with a budget of bytes and milliseconds per turn. */
export interface RelayQueue {
  push(rows: LogRow[]): void
  hasRoom(): boolean
  isEmpty(): boolean
  /** Resolves once the queue is at most half full. */
  room(): Promise<void>
  clear(): void
}

export interface RelayTarget {
  /** Relays one row; returns the size of its frame in bytes. */
  relay(row: LogRow): number
  /** The share of the clients that are reading which have much left to read. */
  congestion(): number
}

/** A row is relayed at once if the budget of this turn allows it and nothing waits before it. */
export function createRelayQueue(target: RelayTarget, clock: Clock): RelayQueue {
  let rows: LogRow[] = []
  const waiters: (() => void)[] = []
  let cancelTurn: (() => void) | null = null
  let startedAt = 0
  let bytes = 0
  let pauses = 0

  const isSpent = (): boolean => bytes >= TURN_BYTES || clock.now() - startedAt >= TURN_MS

  function relay(): void {
    let relayed = 0
    while (relayed < rows.length && !isSpent()) bytes += target.relay(rows[relayed++]!)
    rows.splice(0, relayed)
    if (rows.length <= MAX_ROWS / 2) for (const resume of waiters.splice(0)) resume()
  }

  function beginTurn(): void {
    startedAt = clock.now()
    bytes = 0
    cancelTurn = clock.nextTurn(endTurn)
  }

  function endTurn(): void {
    cancelTurn = null
    if (rows.length === 0) return
    if (bytes >= TURN_BYTES && pauses < maxPauses(target.congestion())) {
      pauses += 1
      cancelTurn = clock.after(PAUSE_MS, endTurn)
      return
    }
    pauses = 0
    beginTurn()
    relay()
  }

  return {
    push(more) {
      if (more.length === 0) return
      rows.push(...more)
      if (cancelTurn === null) beginTurn()
      // Rows that waited before are relayed when their turn comes.
      if (rows.length === more.length) relay()
    },
    hasRoom: () => rows.length < MAX_ROWS,
    isEmpty: () => rows.length === 0,
    room() {
      if (rows.length <= MAX_ROWS / 2) return Promise.resolve()
      return new Promise((resolve) => waiters.push(resolve))
    },
    clear() {
      rows = []
      for (const resume of waiters.splice(0)) resume()
    },
  }
}

function maxPauses(congestion: number): number {
  if (congestion > 0.5) return MAX_PAUSES_FOR_MOST
  return congestion > 0 ? MAX_PAUSES_FOR_FEW : 0
}

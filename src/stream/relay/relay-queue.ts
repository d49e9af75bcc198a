import type { Clock } from '../../lib/clock.ts'
import type { LogRow } from '../log/events.ts'

/** Rows that may wait. The listener reads later rows from the log when there is room. */
const MAX_ROWS = 500
/** Limits per turn of the event loop, so that sockets are flushed and requests are served in between. */
const TURN_BYTES = 256 * 1024
const TURN_MS = 10
/** After a turn that used all its bytes, the queue waits for clients that are still reading, a few times at most. */
const PAUSE_MS = 10
const MAX_PAUSES_FOR_MOST = 25
/** Enough for a few clients that get more events than the others; the others must not wait long for slow ones. */
const MAX_PAUSES_FOR_FEW = 4

/** A bounded queue of rows, which it relays to the hub with a budget of bytes and milliseconds per turn. */
export interface RelayQueue {
  push(rows: LogRow[]): void
  hasRoom(): boolean
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

/** Relays a row at once if the budget of the turn allows it and no other row waits. */
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
      // If other rows wait, the next turn relays them first.
      if (rows.length === more.length) relay()
    },
    hasRoom: () => rows.length < MAX_ROWS,
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

import { isDeepStrictEqual } from 'node:util'
import type { LogRow, Notification } from '../log/events.ts'

/** Notifications that are kept while a gap is being read. Further rows are read from the log. */
const MAX_HELD = 250

/**
 * Puts notified rows and rows read from the log into `seq` order, each once. Uses no database and no clock.
 *
 * The tail is the last event that was accepted. The next number is accepted at once. A jump is a gap: the log must be
 * read from the tail. A number that the log does not have belongs to a transaction that rolled back.
 */
export interface Sequencer {
  /** Starts again after this row; null for an empty log. */
  reset(row: LogRow | null): void
  tail(): number
  /** The row at the tail. If the log has another row or none at this number, it went back to an earlier state. */
  tailRow(): LogRow | null
  /** Returns the rows that can be relayed now; none if an earlier row is missing or `room` is false. */
  receive(notification: Notification, room: boolean): LogRow[]
  /**
   * Takes a page of the log: the row at the tail when the read began, `from`, and the rows after it. Returns the rows
   * that can be relayed, or null if the log went back.
   */
  read(page: LogRow[], from: LogRow | null): LogRow[] | null
  /** The log was read while LISTEN was active: from now on the next number can be accepted without reading. */
  trust(): void
  /** LISTEN was lost, and the database may be another one after it. Drops notifications that were not accepted. */
  distrust(): void
  /** The highest number that was notified or accepted. */
  newestNotified(): number
}

export function createSequencer(): Sequencer {
  const held = new Map<number, LogRow>()
  let tail = 0
  let tailRow: LogRow | null = null
  let newest = 0
  let isTrusted = false

  /** Accepts rows, and the held rows that follow them without a gap. Returns all of these. */
  function accept(rows: LogRow[]): LogRow[] {
    const accepted = [...rows, ...takeAfter(held, rows.at(-1)?.seq ?? tail)]
    tailRow = accepted.at(-1) ?? tailRow
    tail = tailRow?.seq ?? tail
    return accepted
  }

  return {
    reset(row) {
      held.clear()
      tailRow = row
      tail = row?.seq ?? 0
      newest = tail
    },
    tail: () => tail,
    tailRow: () => tailRow,
    receive(notification, room) {
      const { seq } = notification
      if (seq <= tail) return []
      const whole = 'payload' in notification
      if (whole && isTrusted && room && seq === tail + 1) return accept([notification])
      newest = Math.max(newest, seq)
      if (whole && held.size < MAX_HELD) held.set(seq, notification)
      return []
    },
    read(page, from) {
      const rows = [...page]
      if (from !== null && !isSameRow(rows.shift(), from)) return null
      return accept(rows.filter((row) => row.seq > tail))
    },
    trust() {
      isTrusted = true
    },
    distrust() {
      isTrusted = false
      // Another database may have given the same numbers to other events.
      held.clear()
      newest = tail
    },
    newestNotified: () => Math.max(newest, tail),
  }
}

/** Takes the rows that follow `tail` without a gap, and drops those up to `tail`. */
function takeAfter(held: Map<number, LogRow>, tail: number): LogRow[] {
  for (const seq of held.keys()) if (seq <= tail) held.delete(seq)
  const rows: LogRow[] = []
  for (let seq = tail + 1; held.has(seq); seq++) {
    rows.push(held.get(seq)!)
    held.delete(seq)
  }
  return rows
}

/** `at` does not count, because a notification may lack it. */
function isSameRow(found: LogRow | undefined, from: LogRow): boolean {
  return isDeepStrictEqual({ ...found, at: 0 }, { ...from, at: 0 })
}

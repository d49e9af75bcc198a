import type { Clock } from '../../lib/clock.ts'

/**
 * A notification that has not arrived this long after its event was found in the log is lost: the probe of the
 * connection, which would arrive after it, is answered within seconds.
 */
const LOST_AFTER_MS = 60_000
/** A connection that delivers nothing for this long, and then breaks, has lost the notifications of that time. */
const SILENT_MS = 2_000

/** Counts the events that were found in the log and whose notification is certainly lost. A late one does not count. */
export interface MissedNotifications {
  /** An event was found in the log while LISTEN was active. Its notification may still arrive. */
  expect(seq: number): void
  arrive(seq: number): void
  /** Counts what has been expected for too long. Call it regularly. */
  expire(): void
  /** The connection broke. */
  breakOff(): void
  /** The log went back. */
  clear(): void
  count(): number
}

export function createMissedNotifications(clock: Clock): MissedNotifications {
  /** When each event was found. */
  const pending = new Map<number, number>()
  let count = 0

  function countIf(isMissed: (seq: number, waitedMs: number) => boolean): void {
    for (const [seq, foundAt] of pending) {
      if (!isMissed(seq, clock.now() - foundAt)) continue
      pending.delete(seq)
      count += 1
    }
  }

  return {
    expect: (seq) => void pending.set(seq, clock.now()),
    arrive(seq) {
      pending.delete(seq)
      // Notifications arrive in the order of their commits. So an earlier one that is still pending never arrives.
      countIf((earlier) => earlier < seq)
    },
    expire: () => countIf((_seq, waitedMs) => waitedMs >= LOST_AFTER_MS),
    breakOff() {
      countIf((_seq, waitedMs) => waitedMs >= SILENT_MS)
      pending.clear() // A connection that breaks loses what is on its way; that is no fault of its own.
    },
    clear: () => pending.clear(),
    count: () => count,
  }
}

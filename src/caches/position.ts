import { systemClock, type Clock } from '../lib/clock.ts'
import type { LogObserver } from '../lib/log-observer.ts'

/** The longest wait for an event. After that, the page is read from the database alone. */
const MAX_WAIT_MS = 200
/** Most notifications arrive within a millisecond, so the log is read only after a longer wait. */
const SYNC_MS = 15

/** How far this instance has followed the log. */
export interface Position {
  /** `seq` of the newest event that the caches contain. */
  seq(): number
  /** Grows each time the log goes back to an earlier state. */
  epoch(): number
  /** Whether the caches belong to the log of the database, as far as this instance knows. */
  isCurrent(): boolean
  /** Whether the caches also contain every event that was committed more than 1.5 s ago. */
  isFresh(): boolean
  /**
   * Waits until the caches contain the event `seq`, 200 ms at most. Returns whether they do. While an event is late,
   * further calls for it return false at once.
   */
  reach(seq: number): Promise<boolean>
}

export interface PositionDeps {
  /** Reads the log up to its newest event; concurrent calls share one read. Never rejects. */
  sync(): Promise<void>
  /** False after LISTEN was lost, until the log has been read and continues where this instance stands. */
  isCurrent(): boolean
  /** Whether it is current and has every event that was committed more than 1.5 s ago. */
  isFresh(): boolean
  clock?: Clock
}

type Outcome = 'reached' | 'late' | 'cancelled'

interface Waiter {
  seq: number
  resolve(outcome: Outcome): void
}

/** Combine it as the last observer: once `reach` resolves, the caches contain the event. */
export function createPosition({
  sync,
  isCurrent,
  isFresh,
  clock = systemClock,
}: PositionDeps): Position & { observer: LogObserver } {
  const waiters = createWaiters(clock, sync)
  let position = 0
  let epoch = 0
  /** An event for which a wait has timed out; 0 if there is none. */
  let late = 0

  return {
    seq: () => position,
    epoch: () => epoch,
    isCurrent,
    isFresh,
    async reach(seq) {
      if (position >= seq) return true
      if (position < late) return false
      const outcome = await waiters.wait(seq)
      if (outcome === 'late') late = Math.max(late, seq)
      return outcome === 'reached'
    },
    observer: {
      accept({ seq }) {
        position = seq
        waiters.reach(seq)
      },
      reset(seq) {
        position = seq
        epoch += 1
        late = 0
        waiters.cancel()
      },
    },
  }
}

/** Requests that wait for an event. While there are any, `sync` runs for all of them together. */
function createWaiters(clock: Clock, sync: () => Promise<void>) {
  const waiters = new Set<Waiter>()
  let isSyncing = false

  function settle(isDone: (waiter: Waiter) => boolean, outcome: Outcome): void {
    for (const waiter of waiters) {
      if (!isDone(waiter)) continue
      waiters.delete(waiter)
      waiter.resolve(outcome)
    }
  }

  function syncLater(): void {
    if (isSyncing) return
    isSyncing = true
    clock.after(SYNC_MS, () => {
      isSyncing = false
      if (waiters.size === 0) return
      void sync()
      syncLater()
    })
  }

  return {
    wait(seq: number): Promise<Outcome> {
      return new Promise((resolve) => {
        const waiter = { seq, resolve }
        waiters.add(waiter)
        syncLater()
        clock.after(MAX_WAIT_MS, () => settle((one) => one === waiter, 'late'))
      })
    },
    /** The caches contain all events up to `seq`. */
    reach: (seq: number) => settle((waiter) => waiter.seq <= seq, 'reached'),
    /** The log went back. */
    cancel: () => settle(() => true, 'cancelled'),
  }
}

/** One committed change: a row of the log. */
export interface LogEvent {
  seq: number
  event: string
  topics: readonly string[]
  payload: Record<string, unknown>
}

/** Follows the log of the database. Its methods are synchronous and must not throw. */
export interface LogObserver {
  /** Takes the next event, soon after its commit. `seq` grows. */
  accept(event: LogEvent): void
  /**
   * Nothing that was accepted before counts any more: the instance starts, or the log went back to an earlier state.
   * The next event is the first one after `seq`.
   */
  reset(seq: number): void
}

/**
 * Passes everything on to each of the observers, in this order. If one of them cannot read an event, which psql may have
 * written, all start again after it: they must neither stop the relay nor miss a change.
 */
export function combineObservers(...observers: LogObserver[]): LogObserver {
  function reset(seq: number): void {
    for (const observer of observers) observer.reset(seq)
  }
  return {
    accept(event) {
      try {
        for (const observer of observers) observer.accept(event)
      } catch {
        reset(event.seq)
      }
    },
    reset,
  }
}

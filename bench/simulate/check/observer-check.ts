import type { LogObserver } from '../../../src/lib/log-observer.ts'

/** Checks that the observers of an instance get the events that its hub relays, in the same order. */
export function createObserverCheck(fail: (reason: string) => void): {
  observer: LogObserver
  relay(seq: number): void
} {
  /** What one of the two has got, and the other has not yet. */
  const observed: number[] = []
  const relayed: number[] = []

  function compare(seq: number, own: number[], other: number[]): void {
    const expected = other.shift()
    if (expected === undefined) own.push(seq)
    else if (expected !== seq) fail(`an observer and the hub got different events: ${seq} and ${expected}`)
  }

  return {
    observer: {
      accept: ({ seq }) => compare(seq, observed, relayed),
      reset() {
        observed.length = 0
        relayed.length = 0
      },
    },
    relay: (seq) => compare(seq, relayed, observed),
  }
}

/** Ends what a measurement has started, in reverse order. */
export interface Scope {
  /** Registers how to end something. */
  defer(end: () => unknown): void
  end(): Promise<void>
}

export function createScope(): Scope {
  const ends: (() => unknown)[] = []
  return {
    defer: (end) => void ends.push(end),
    async end() {
      for (let end = ends.pop(); end; end = ends.pop()) await end()
    },
  }
}

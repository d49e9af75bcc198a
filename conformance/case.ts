import type { Site } from './site.ts'

/** One promise of the stream contract. `run` throws an error that says what was different. */
export interface Case {
  name: string
  /** It waits for more than ten seconds. */
  slow?: boolean
  run(site: Site): Promise<void>
}

/** Throws an error with `reason` unless `condition` holds. */
export function check(condition: unknown, reason: string): asserts condition {
  if (!condition) throw new Error(reason)
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  const [shown, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  check(shown === wanted, `${what}: ${shown} instead of ${wanted}`)
}

import type { History } from './history.ts'
import type { Parts } from './parts.ts'
import { runHistory } from './run.ts'

/** The maximum number of runs that shrink one failure. */
const MAX_RUNS = 600

/** Removes steps, many at first, while the history still fails in any way. */
export async function shrink(
  history: History,
  parts?: Parts,
): Promise<{ history: History; failure: string }> {
  let { steps: best } = history
  let failure = (await runHistory(history, parts)).failure ?? ''
  let runs = 0
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < best.length && runs < MAX_RUNS; runs++) {
      const steps = best.toSpliced(start, size)
      const { failure: found } = await runHistory({ ...history, steps }, parts)
      if (found === null) start += size
      else {
        best = steps
        failure = found
      }
    }
  }
  return { history: { ...history, steps: best }, failure }
}

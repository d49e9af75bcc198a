import type { Verdict } from './checker.ts'
import type { Outcome } from './run.ts'

const NAME_WIDTH = 36

export const headLine = `${'fault'.padEnd(NAME_WIDTH)} lost dupl diso leak  writes  answered  longest gap  healed  notes`

/** One fault on one line. */
export function lineOf(outcome: Outcome): string {
  const { name, lost, duplicates, disorder, leaks, writes, answered, gap, healed, refused, notes } = outcome
  const figures = [lost, duplicates, disorder, leaks].map((count) => String(count).padStart(4)).join(' ')
  const remarks = [...notes]
  if (refused.count > 0) remarks.push(`${refused.count} refused within ${seconds(refused.slowest)}`)
  return [
    name.padEnd(NAME_WIDTH),
    figures,
    String(writes).padStart(7),
    String(answered).padStart(9),
    seconds(gap).padStart(12),
    seconds(healed).padStart(7),
    ` ${remarks.join('; ')}`,
  ]
    .join(' ')
    .trimEnd()
}

export function lastLine(count: number, { lost, duplicates, disorder, leaks }: Verdict): string {
  return `faults: ${count} run, lost ${lost}, duplicates ${duplicates}, disorder ${disorder}, leaks ${leaks}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

import type { Anomalies } from './checker.ts'
import type { Outcome } from './run.ts'

const NAME_WIDTH = 36

export const headLine = `${'fault'.padEnd(NAME_WIDTH)} lost dupl diso leak  writes  confirmed  longest gap  recovery  remarks`

/** Formats the outcome of one fault as a line. */
export function lineOf(outcome: Outcome): string {
  const { name, lost, duplicates, disorder, leaks, writes, confirmed, gap, recovery, refused } = outcome
  const figures = [lost, duplicates, disorder, leaks].map((count) => String(count).padStart(4)).join(' ')
  const remarks = [...outcome.remarks]
  if (refused.count > 0) remarks.push(`${refused.count} refused within ${seconds(refused.slowest)}`)
  return [
    name.padEnd(NAME_WIDTH),
    figures,
    String(writes).padStart(7),
    String(confirmed).padStart(10),
    seconds(gap).padStart(12),
    seconds(recovery).padStart(9),
    ` ${remarks.join('; ')}`,
  ]
    .join(' ')
    .trimEnd()
}

export function lastLine(count: number, { lost, duplicates, disorder, leaks }: Anomalies): string {
  return `faults: ${count} run, lost ${lost}, duplicates ${duplicates}, disorder ${disorder}, leaks ${leaks}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

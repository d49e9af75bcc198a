/**
 * `npm run faults`: injects faults into a running site, and counts the events that its followers lost, received twice,
 * received out of order, or should not have received. docs/reliability.md explains the output.
 *
 *   --short          a few seconds per fault
 *   --only NAME      the faults whose names contain NAME
 */
import { parseArgs } from 'node:util'
import { add, noAnomalies, isEmpty } from './checker.ts'
import { startCluster } from './cluster/cluster.ts'
import { faults } from './faults.ts'
import { headLine, lastLine, lineOf } from './report.ts'
import { run } from './run.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean' }, only: { type: 'string', multiple: true } },
})
const chosen = faults.filter(({ name }) => !values.only || values.only.some((only) => name.includes(only)))
if (chosen.length === 0) {
  console.error(
    `No fault has this name. The faults are:\n${faults.map(({ name }) => `  ${name}`).join('\n')}`,
  )
  process.exit(2)
}

const form = values.short ? 'short' : 'long'
const cluster = await startCluster({
  instances: 3,
  authors: 3,
  strangers: 2,
  followers: form === 'short' ? 4 : 8,
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cluster.stop().finally(() => process.exit(130)))
}
let total = noAnomalies
let violations = 0
try {
  console.log(headLine)
  for (const fault of chosen) {
    const outcome = await run(fault, cluster, form)
    total = add(total, outcome)
    violations += outcome.violations.length
    console.log(lineOf(outcome))
    for (const violation of outcome.violations) console.log(`  ! ${violation}`)
  }
} finally {
  await cluster.stop()
}
console.log(lastLine(chosen.length, total))
process.exit(isEmpty(total) && violations === 0 ? 0 : 1)

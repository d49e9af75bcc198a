/**
 * `npm run faults`: does to a running site what happens to sites, and counts what its followers lost, got twice, got
 * out of order, or should never have seen. docs/reliability.md says how to read what it prints.
 *
 *   --short          a few seconds a fault
 *   --only NAME      the faults whose names contain NAME
 */
import { parseArgs } from 'node:util'
import { add, faultless, isFaultless } from './checker.ts'
import { startCluster } from './cluster.ts'
import { faults } from './faults.ts'
import { headLine, lastLine, lineOf } from './report.ts'
import { run } from './run.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean' }, only: { type: 'string', multiple: true } },
})
const chosen = faults.filter(({ name }) => !values.only || values.only.some((only) => name.includes(only)))
if (chosen.length === 0) {
  console.error(`There is no such fault. There are:\n${faults.map(({ name }) => `  ${name}`).join('\n')}`)
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
let total = faultless
let broken = 0
try {
  console.log(headLine)
  for (const fault of chosen) {
    const outcome = await run(fault, cluster, form)
    total = add(total, outcome)
    broken += outcome.breaches.length
    console.log(lineOf(outcome))
    for (const breach of outcome.breaches) console.log(`  ! ${breach}`)
  }
} finally {
  await cluster.stop()
}
console.log(lastLine(chosen.length, total))
process.exit(isFaultless(total) && broken === 0 ? 0 : 1)

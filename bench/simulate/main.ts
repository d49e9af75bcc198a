/** `npm run simulate -- --seeds N [--from S]` runs N histories. `--seed S` runs one of them and prints its steps. */
import { parseArgs } from 'node:util'
import { describeHistory } from './history.ts'
import { historyOf, runHistory } from './run.ts'
import { shrink } from './shrink.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})
const first = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
let failed = 0
const REPORT_EVERY = 50_000

for (let seed = first; seed < first + count; seed++) {
  const history = historyOf(seed)
  const { failure } = await runHistory(history)
  if (values.seed !== undefined) console.log(describeHistory(history))
  if ((seed - first + 1) % REPORT_EVERY === 0)
    console.log(`${seed - first + 1} seeds, ${failed} failed so far`)
  if (failure === null) continue
  failed += 1
  console.log(`seed ${seed} failed: ${failure}`)
  const shorter = await shrink(history)
  console.log(
    `shortened from ${history.steps.length} to ${shorter.history.steps.length} steps: ${shorter.failure}`,
  )
  console.log(describeHistory(shorter.history))
}
console.log(`simulate: ${count} seeds, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** `npm run conformance -- URL [--fast] [--only TEXT] [--timeout MS]`: see docs/conformance.md. */
import { parseArgs } from 'node:util'
import { runConformance, type Result } from './run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    timeout: { type: 'string', default: '10000' },
  },
})
const [url] = positionals
if (positionals.length !== 1 || !URL.canParse(url ?? '')) {
  console.error('Usage: npm run conformance -- URL [--fast] [--only TEXT] [--timeout MS]')
  process.exit(2)
}

const onResult = ({ name, failure }: Result): void =>
  console.log(failure === null ? `ok      ${name}` : `FAILED  ${name}: ${failure}`)
const results = await runConformance(url!, { ...values, timeout: Number(values.timeout), onResult })
const failed = results.filter(({ failure }) => failure !== null)
console.log(`conformance: ${results.length} cases, ${failed.length} failed`)
process.exit(failed.length === 0 && results.length > 0 ? 0 : 1)

/**
 * `npm run test:repeat -- N` runs the whole suite N times and prints one line per run. `--busy` keeps one core busy
 * meanwhile, as another program on a shared machine would. With paths of test files it runs only those.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'

const { values, positionals } = parseArgs({
  options: { busy: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [count = '', ...files] = positionals
const runs = Number(count)
if (!Number.isInteger(runs) || runs < 1) {
  console.error('usage: npm run test:repeat -- N [--busy] [FILE…]')
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'koafeed-repeat-'))
const busy = values.busy ? new Worker('for (;;);', { eval: true }) : null
let failed = 0
for (let run = 1; run <= runs; run++) {
  const { isGreen, line } = await runSuite(join(folder, `${run}.log`))
  if (!isGreen) failed += 1
  console.log(`run ${run}: ${line}`)
}
await busy?.terminate()
if (failed === 0) rmSync(folder, { recursive: true })
console.log(`test:repeat: ${runs} runs, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function runSuite(log: string): Promise<{ isGreen: boolean; line: string }> {
  const begunAt = performance.now()
  const output = createWriteStream(log)
  await once(output, 'open')
  const [command, args] = files.length > 0 ? ['npx', ['mocha', ...files]] : ['npm', ['test', '--silent']]
  const child = spawn(command, args, { stdio: ['ignore', output, output] })
  const [status] = (await once(child, 'exit')) as [number | null]
  output.destroy()
  const seconds = Math.round((performance.now() - begunAt) / 1_000)
  const counts =
    /^\d+ passed, \d+ failed$/m.exec(await readFile(log, 'utf8'))?.[0] ?? 'ended without a result'
  const isGreen = status === 0 && counts.endsWith(' 0 failed')
  return { isGreen, line: `${counts}, ${seconds} s${isGreen ? '' : `; see ${log}`}` }
}

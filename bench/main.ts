/**
 * Measures the product, and prints one table: each figure beside its floor (what this machine can do without the
 * product, measured in the same run) and its goal.
 *
 *   npm run bench [-- NAME…] [--quick] [--list] [--checkout FOLDER]
 *
 * `--quick` measures once, with less data and for a shorter time. `--checkout` measures the code of another folder, for example
 * an older commit. docs/performance.md has the last table.
 *
 * The server runs on one core, PostgreSQL and the load on the second (or on one each, if there are three). Nothing else
 * should run on the machine. PostgreSQL writes with `fsync` and `synchronous_commit` on.
 *
 * To add a figure: write a measurement in `bench/figures/` with `defineMeasurement`, and list it in `bench/figures/all.ts`.
 * `Bench` (`bench/harness/bench.ts`) gives it databases, instances, floors and the load generator. What it starts by other means
 * must end in `bench.scope.defer`. Measure floor and product in turn, `bench.runs` times, and return the median.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { resolve, join } from 'node:path'
import { createBench, createSetting, type Setting } from './harness/bench.ts'
import { findCores, moveToCore } from './harness/cores.ts'
import { summaryOf, type Line, type Measurement } from './harness/figure.ts'
import { startPostgres } from './harness/servers/postgres.ts'
import { createScope } from './harness/scope.ts'
import { formatTable } from './harness/table.ts'
import { measurements } from './figures/all.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    checkout: { type: 'string', default: join(import.meta.dirname, '..') },
  },
})

// The exit handlers of the harness end its processes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

if (values.list) {
  for (const { name, figures } of measurements)
    console.log([name, ...Object.values(figures).map((figure) => `  ${figure.name}`)].join('\n'))
} else {
  await run(select(positionals))
}
process.exit()

async function run(selected: Measurement[]): Promise<void> {
  const scope = createScope()
  const cores = findCores()
  moveToCore(cores.load, process.pid)
  try {
    buildAssets(resolve(values.checkout))
    const postgres = await startPostgres(scope, { core: cores.database })
    const options = { quick: values.quick, cores, checkout: resolve(values.checkout) }
    const setting = createSetting(scope, options, postgres)
    const lines: Line[] = []
    for (const measurement of selected) lines.push(...(await measure(setting, measurement)))
    console.log(`${cores.description}${values.quick ? '; quick sizes' : ''}\n`)
    console.log(`${formatTable(lines)}\n\n${summaryOf(lines)}`)
    if (lines.some((line) => 'error' in line)) process.exitCode = 1
  } finally {
    await scope.end()
  }
}

/** Pages need the built files; those of an older commit would be wrong. */
function buildAssets(checkout: string): void {
  const { status, stderr } = spawnSync(process.execPath, [join(checkout, 'src/assets/build.ts')], {
    cwd: checkout,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`npm run build failed:\n${stderr}`)
}

/** An error fails the figures of this measurement only. */
async function measure(setting: Setting, measurement: Measurement): Promise<Line[]> {
  const bench = createBench(setting)
  const start = performance.now()
  console.error(`${measurement.name} …`)
  try {
    const measured = await measurement.measure(bench)
    return Object.entries(measurement.figures).map(([key, figure]) => ({ figure, measured: measured[key]! }))
  } catch (error) {
    console.error(error, bench.instanceOutput().slice(-4_000))
    return Object.values(measurement.figures).map((figure) => ({
      figure,
      error: 'failed, see the error above',
    }))
  } finally {
    await bench.scope.end()
    console.error(`${measurement.name}: ${((performance.now() - start) / 1_000).toFixed(0)} s`)
  }
}

function select(names: string[]): Measurement[] {
  const unknown = names.filter((name) => !measurements.some((measurement) => measurement.name === name))
  if (unknown.length > 0)
    throw new Error(`There is no measurement ${unknown.join(', ')}. See: npm run bench -- --list`)
  return names.length === 0 ? measurements : measurements.filter(({ name }) => names.includes(name))
}

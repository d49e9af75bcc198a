import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import type { Parts } from '../../bench/simulate/parts.ts'
import { historyOf, runHistory } from '../../bench/simulate/run.ts'
import { shrink } from '../../bench/simulate/shrink.ts'
import { outdatedText, slowReplay, unboundedRelay, unheardRights } from './defects.ts'

const SEEDS = 1_000
const MAIN = 'bench/simulate/main.ts'

interface Found {
  seed: number
  failure: string
}

/** The first of at most `seeds` histories that breaks a promise in the expected way. */
async function findFailure(parts: Parts, expected: RegExp, seeds = 10_000): Promise<Found | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await runHistory(historyOf(seed), parts)
    if (failure !== null && expected.test(failure)) return { seed, failure }
  }
  return null
}

describe('the simulation of the stream layer', () => {
  it(`keeps the promise in ${SEEDS} histories`, async function () {
    this.timeout(120_000)
    const failures: string[] = []
    const totals = { blocks: 0, beats: 0, resets: 0, topicReads: 0, frameReads: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { failure, counts } = await runHistory(historyOf(seed))
      if (failure !== null) failures.push(`seed ${seed}: ${failure}`)
      for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += counts[key]
    }
    expect(failures).to.deep.equal([])
    for (const [name, count] of Object.entries(totals)) expect(count, name).to.be.above(SEEDS / 10)
  })

  it('runs the same seed in the same way', async () => {
    for (const seed of [1, 2, 3]) {
      expect(await runHistory(historyOf(seed))).to.deep.equal(await runHistory(historyOf(seed)))
    }
  })

  it('prints the steps of one seed, and ends with the result', () => {
    const { stdout, status } = spawnSync(process.execPath, [MAIN, '--seed', '7'], { encoding: 'utf8' })
    expect(stdout)
      .to.match(/^seed 7, \{/)
      .and.match(/\nsimulate: 1 seeds, 0 failed\n$/)
    expect(status).to.equal(0)
  })
})

describe('the simulation with a defect put back', function () {
  this.timeout(120_000)
  const defects: [string, Parts, RegExp][] = [
    ['a replay that reads every row and sends nothing meanwhile', slowReplay, /nothing came for/],
    [
      'a replay that does not hear of rights',
      unheardRights,
      /without a right|after its right ended|no reset for/,
    ],
    [
      'a relay without a budget per turn',
      unboundedRelay,
      /a turn of the event loop took|reads at once was cut/,
    ],
    ['a ring that keeps the text of deleted posts', outdatedText, /shows the old|is missing/],
  ]
  for (const [name, parts, expected] of defects) {
    it(`finds ${name}`, async () => {
      const found = await findFailure(parts, expected)
      expect(found, 'no seed of 10,000 fails').to.not.equal(null)
    })
  }

  it('drops the steps that a failure does not need', async () => {
    const found = await findFailure(unboundedRelay, /./)
    const { history, failure } = await shrink(historyOf(found!.seed), unboundedRelay)
    expect(history.steps.length).to.be.below(historyOf(found!.seed).steps.length)
    expect((await runHistory(history, unboundedRelay)).failure).to.equal(failure)
  })
})

import { expect } from 'chai'
import { measurements } from '../../bench/figures/all.ts'
import { summaryOf, verdictOf, type Figure, type Line, type Measured } from '../../bench/harness/figure.ts'
import { formatTable } from '../../bench/harness/table.ts'

const rate: Figure = { name: 'a rate', unit: 'req/s', better: 'higher', goal: 1_000 }
const time: Figure = { name: 'a time', unit: 'ms', better: 'lower', goal: 40 }
const relative: Figure = {
  name: 'a rate beside its floor',
  unit: 'req/s',
  better: 'higher',
  goal: { ofFloor: 0.5 },
}
const line = (figure: Figure, value: number, more: Partial<Measured> = {}): Line => ({
  figure,
  measured: { value, ...more },
})
const floor = { name: 'bare Koa', value: 13_400 }

describe('the table of npm run bench', () => {
  it('has a row for each figure, with the floor, the ratio, the goal and the result', () => {
    const shares = { server: 0.994, database: 0.1, load: 0.25 }
    const [heading, rule, first, second] = formatTable([
      line(rate, 1_340, { floor, shares }),
      { figure: time, error: 'failed' },
    ]).split('\n')
    expect(cells(heading)).to.deep.equal([
      'figure',
      'measured',
      'floor',
      'ratio',
      'goal',
      'result',
      'CPU server/database/load',
    ])
    expect(rule).to.match(/^[| -]+$/)
    expect(cells(first)).to.deep.equal([
      'a rate',
      '1,340 req/s',
      '13,400 bare Koa',
      '× 0.1',
      '≥ 1,000',
      'met',
      '99 % / 10 % / 25 %',
    ])
    expect(cells(second)).to.deep.equal(['a time', 'failed', '', '', '≤ 40', 'failed', ''])
  })

  it('reports a goal as met at its exact value, and as short beyond it', () => {
    expect(verdictOf(line(rate, 1_000))).to.equal('met')
    expect(verdictOf(line(rate, 999))).to.equal('short')
    expect(verdictOf(line(time, 40))).to.equal('met')
    expect(verdictOf(line(time, 41))).to.equal('short')
  })

  it('compares with the floor if the goal is a multiple of it', () => {
    expect(verdictOf(line(relative, 6_700, { floor }))).to.equal('met')
    expect(verdictOf(line(relative, 6_600, { floor }))).to.equal('short')
    expect(verdictOf(line(relative, 6_600, { floor: null }))).to.equal('no floor')
  })

  it('ends with the number of figures, and of those that are short or failed', () => {
    const lines: Line[] = [
      line(rate, 1_000),
      line(rate, 10),
      line(relative, 1),
      line({ ...rate, goal: null }, 1),
      { figure: time, error: 'failed' },
    ]
    expect(summaryOf(lines)).to.equal('bench: 5 figures, 2 short')
    expect(summaryOf([])).to.equal('bench: 0 figures, 0 short')
  })
})

describe('the figures of npm run bench', () => {
  it('have names that no other figure has', () => {
    const names = measurements.flatMap(({ figures }) => Object.values(figures).map(({ name }) => name))
    expect(new Set(names).size).to.equal(names.length)
    expect(names).not.to.be.empty
  })

  it('belong to measurements whose names no other measurement has', () => {
    const names = measurements.map(({ name }) => name)
    expect(new Set(names).size).to.equal(names.length)
    for (const name of names) expect(name).to.match(/^[a-z-]+$/)
  })
})

function cells(row = ''): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

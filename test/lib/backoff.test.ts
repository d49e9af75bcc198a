import { expect } from 'chai'
import { createBackoff } from '../../src/lib/backoff.ts'

describe('the backoff', () => {
  const delays = (random: number) => {
    const backoff = createBackoff({ first: 100, max: 500, random: () => random })
    const four = Array.from({ length: 4 }, () => backoff.next())
    backoff.reset()
    return [...four, backoff.next()]
  }

  it('doubles the delay up to a maximum, and starts again after a reset', () => {
    expect(delays(0)).to.deep.equal([100, 200, 400, 500, 100])
  })

  it('shortens each delay by a random part of up to one half', () => {
    expect(delays(0.5)).to.deep.equal([75, 150, 300, 375, 75])
  })
})

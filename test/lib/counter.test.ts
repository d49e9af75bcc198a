import { expect } from 'chai'
import { createCounter } from '../../src/lib/counter.ts'

describe('the in-memory counter', () => {
  it('counts each key separately, in a window that starts with the first hit', () => {
    let now = 0
    const counter = createCounter({ size: 10, now: () => now })
    expect(counter.hit('ann', 60)).to.deep.equal({ hits: 1, seconds: 60 })
    now = 30_500
    expect(counter.hit('ann', 60)).to.deep.equal({ hits: 2, seconds: 30 })
    expect(counter.hit('bob', 60)).to.deep.equal({ hits: 1, seconds: 60 })
    now = 60_000
    expect(counter.hit('ann', 60)).to.deep.equal({ hits: 1, seconds: 60 })
  })

  it('keeps a limited number of keys, and removes the key whose window started first', () => {
    const counter = createCounter({ size: 3, now: () => 0 })
    for (const key of ['a', 'b', 'c', 'a', 'd']) counter.hit(key, 60)
    expect(counter.size()).to.equal(3)
    expect(counter.hit('c', 60).hits, 'kept').to.equal(2)
    expect(counter.hit('a', 60).hits, 'removed').to.equal(1)
  })
})

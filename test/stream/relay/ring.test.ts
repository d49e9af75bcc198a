import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import fc from 'fast-check'
import type { LogRow } from '../../../src/stream/log/events.ts'
import { firstChunk, toFrame } from '../../../src/stream/log/frame.ts'
import { createRing } from '../../../src/stream/relay/ring.ts'
import { eventually } from '../../support/eventually.ts'

const row = (seq: number, event = 'post', text = ''): LogRow => ({
  seq,
  event,
  topics: [],
  payload: { text },
})

describe('the ring of recent frames', () => {
  it('returns all frames after a number, or null if it does not have all of them', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 60 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 12 }), fc.nat({ max: 200 }), (steps, maxFrames, after) => {
        const ring = createRing({ maxFrames })
        let seq = 0
        const seqs = steps.map((step) => (seq += step))
        for (const one of seqs) ring.push(toFrame(row(one)))
        const later = seqs.filter((one) => one > after)
        const found = ring.after(after)?.map((frame) => frame.seq)
        if (later.length <= maxFrames) expect(found).to.deep.equal(later)
        else expect(found).to.equal(undefined)
      }),
    )
  })

  it('holds at most `maxBytes` in both encodings, and always the newest frame', () => {
    const ring = createRing({ maxBytes: 2_000 })
    for (let seq = 1; seq <= 20; seq++) ring.push(toFrame(row(seq, 'post', 'x'.repeat(200))))
    expect(ring.after(19)).to.have.length(1)
    expect(ring.after(16), 'four fit').to.have.length(4)
    expect(ring.after(15)).to.equal(null)
    ring.push(toFrame(row(21, 'post', 'x'.repeat(5_000))))
    expect(ring.after(20)).to.have.length(1)
    expect(ring.after(19)).to.equal(null)
  })

  it('frees the memory of dropped frames, also after a few large ones', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const buffers = () => {
      collectGarbage()
      return process.memoryUsage().arrayBuffers
    }
    const before = buffers()
    const ring = createRing({ maxBytes: 2_000_000 })
    const large = 'x'.repeat(200_000)
    for (let seq = 1; seq <= 200; seq++) ring.push(toFrame(row(seq, 'post', large)))
    await eventually(buffers, (now) => now - before < 2_000_000)
    expect(ring.after(199)).to.have.length(1)
  })

  it('holds encoded events, and changes of rights without bytes', () => {
    expect(
      toFrame(row(7, 'post', 'a\nb'))
        .block?.bytes('identity')
        .toString(),
    ).to.equal('event: post\nid: 7\ndata: {"text":"a\\nb"}\n\n')
    expect(toFrame(row(8, 'subscription')).block).to.equal(null)
    expect(toFrame(row(9, 'session')).block).to.equal(null)
  })

  it('splits history into chunks of at least one frame', () => {
    const frames = [100, 200, 300].map((kilobytes, i) =>
      toFrame(row(i + 1, 'post', 'x'.repeat(kilobytes * 1024))),
    )
    expect(firstChunk(frames)).to.have.length(1)
    expect(firstChunk(frames.slice(2))).to.have.length(1)
    expect(firstChunk([])).to.deep.equal([])
  })
})

import { zstdDecompressSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { readZstdFrames } from '../../../conformance/zstd.ts'
import { createBlock, toBlock } from '../../../src/stream/encoding/block.ts'
import { createSignals } from '../../../src/stream/encoding/signals.ts'

describe('a block in zstd', () => {
  it('is a zstd frame of its own, for a text of any length', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.integer({ min: 0, max: 300_000 }).map((length) => 'text '.repeat(length / 5)),
    )
    fc.assert(
      fc.property(text, (given) => {
        expect(zstdDecompressSync(toBlock(given).bytes('zstd')).toString()).to.equal(given.toWellFormed())
      }),
    )
  })

  it('can follow any other, and each is complete when its last byte arrives', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 600 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 700 }), (given, step) => {
        const stream = Buffer.concat(given.map((text) => toBlock(text).bytes('zstd')))
        const received: string[] = []
        const read = readZstdFrames((text) => received.push(text.toString()))
        for (let start = 0; start < stream.length; start += step) read(stream.subarray(start, start + step))
        expect(received).to.deep.equal(given.map((text) => text.toWellFormed()))
      }),
    )
  })

  it('is at most a third of the text of a card, and at most nine bytes longer than a beat', () => {
    const person = (id: number) => ({ id, name: `Person ${id}`, username: `person${id}`, avatar: null })
    const card = JSON.stringify(Array.from({ length: 30 }, (_, id) => person(id)))
    expect(toBlock(card).bytes('zstd').length).to.be.below(card.length / 3)
    const beat = createBlock({ id: 41_230, event: 'beat', data: '{}' })
    expect(beat.bytes('zstd').length).to.equal(beat.length + 9)
  })

  it('is the same buffer for every client', () => {
    const block = toBlock('x'.repeat(1_000))
    for (const encoding of ['identity', 'zstd'] as const) {
      expect(block.bytes(encoding)).to.equal(block.bytes(encoding))
    }
  })

  it('of a beat or a reset is shared by all clients with the same cursor', () => {
    const signals = createSignals()
    expect(signals.beat(7)).to.equal(signals.beat(7))
    expect(signals.reset(7)).to.equal(signals.reset(7))
    expect(signals.beat(8)).not.to.equal(signals.beat(7))
    expect(signals.reset(7).bytes('identity').toString()).to.equal('event: reset\nid: 7\ndata: {}\n\n')
  })
})

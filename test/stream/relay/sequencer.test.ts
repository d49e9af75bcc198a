import { expect } from 'chai'
import fc from 'fast-check'
import { createSequencer } from '../../../src/stream/relay/sequencer.ts'
import type { LogRow } from '../../../src/stream/log/events.ts'

const row = (seq: number, text = ''): LogRow => ({ seq, event: 'post', topics: [], payload: { text } })
const seqs = (rows: LogRow[] | null): number[] => (rows ?? []).map(({ seq }) => seq)

describe('the sequencer', () => {
  function startAt(seq: number) {
    const sequencer = createSequencer()
    sequencer.reset(row(seq))
    sequencer.trust()
    return sequencer
  }

  it('accepts the next number at once', () => {
    expect(seqs(startAt(10).receive(row(11), true))).to.deep.equal([11])
  })

  it('holds rows after a gap, and accepts them once the log has filled the gap', () => {
    const sequencer = startAt(10)
    expect(sequencer.receive(row(12), true)).to.deep.equal([])
    expect(sequencer.receive(row(13), true)).to.deep.equal([])
    expect(seqs(sequencer.read([row(10), row(11), row(12)], row(10)))).to.deep.equal([11, 12, 13])
  })

  it('skips a number that the log does not have, because its transaction rolled back', () => {
    const sequencer = startAt(10)
    sequencer.receive(row(12), true)
    expect(seqs(sequencer.read([row(10), row(12)], row(10)))).to.deep.equal([12])
    expect(seqs(sequencer.receive(row(11), true))).to.deep.equal([])
  })

  it('accepts no notification after LISTEN was lost, until the log has been read', () => {
    const sequencer = startAt(10)
    sequencer.distrust()
    expect(sequencer.receive(row(11), true)).to.deep.equal([])
    expect(seqs(sequencer.read([row(10), row(11)], row(10)))).to.deep.equal([11])
    expect(sequencer.receive(row(12), true)).to.deep.equal([])
    sequencer.trust()
    expect(seqs(sequencer.receive(row(13), true))).to.deep.equal([])
    expect(seqs(sequencer.read([row(11)], row(11)))).to.deep.equal([12, 13])
  })

  it('drops held rows when LISTEN is lost, because the log may go back', () => {
    const sequencer = startAt(10)
    sequencer.receive(row(12, 'of the lost log'), true)
    sequencer.distrust()
    expect(seqs(sequencer.read([row(10), row(11)], row(10)))).to.deep.equal([11])
  })

  it('detects that the log went back: the event at the tail is missing or different', () => {
    expect(startAt(10).read([], row(10))).to.equal(null)
    expect(startAt(10).read([row(11)], row(10))).to.equal(null)
    expect(startAt(10).read([row(10, 'another'), row(11)], row(10))).to.equal(null)
  })

  it('accepts no notification while there is no room, and reads it from the log later', () => {
    const sequencer = startAt(10)
    expect(sequencer.receive(row(11), false)).to.deep.equal([])
    expect(sequencer.newestNotified()).to.equal(11)
    expect(seqs(sequencer.read([row(10), row(11)], row(10)))).to.deep.equal([11])
  })

  it('accepts every committed event once and in order, in whatever order notifications arrive', () => {
    const history = fc.array(fc.record({ commits: fc.boolean(), notified: fc.nat(2), late: fc.nat(5) }), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(history, fc.array(fc.nat(30), { maxLength: 10 }), (steps, readAfter) => {
        const sequencer = startAt(0)
        const log: LogRow[] = [row(0)]
        const accepted: number[] = []
        const notifications: { at: number; row: LogRow }[] = []
        for (const [n, step] of steps.entries()) {
          if (!step.commits) continue
          for (let time = 0; time < step.notified; time++) {
            notifications.push({ at: n + step.late, row: row(n + 1) })
          }
        }
        const read = (): void => {
          const from = sequencer.tailRow()
          const page = log.filter(({ seq }) => seq >= sequencer.tail())
          accepted.push(...seqs(sequencer.read(page, from)))
        }
        for (const [n, { commits }] of steps.entries()) {
          if (commits) log.push(row(n + 1))
          for (const { at, row: notified } of notifications) {
            if (at === n && log.some(({ seq }) => seq === notified.seq))
              accepted.push(...seqs(sequencer.receive(notified, true)))
          }
          if (readAfter.includes(n)) read()
        }
        read()
        expect(accepted).to.deep.equal(seqs(log.slice(1)))
      }),
    )
  })
})

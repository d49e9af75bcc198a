import { expect } from 'chai'
import type { Clock } from '../../../src/lib/clock.ts'
import { createRelayQueue } from '../../../src/stream/relay/relay-queue.ts'
import type { LogRow } from '../../../src/stream/log/events.ts'

const KB = 1024
const row = (seq: number): LogRow => ({ seq, event: 'post', topics: [], payload: {} })
const rows = (from: number, count: number): LogRow[] => Array.from({ length: count }, (_, n) => row(from + n))

interface ManualClock extends Clock {
  time: number
  endTurn(): void
}

/** A clock whose turns and timers run when the test calls `endTurn`. */
function manualClock(): ManualClock {
  const scheduled: (() => void)[] = []
  const later = (run: () => void) => {
    scheduled.push(run)
    return () => void scheduled.splice(scheduled.indexOf(run), 1)
  }
  const clock: ManualClock = {
    time: 0,
    now: () => clock.time,
    random: () => 0,
    after: (_, run) => later(run),
    every: () => () => {},
    nextTurn: later,
    endTurn() {
      for (const run of scheduled.splice(0)) run()
    },
  }
  return clock
}

describe('the relay queue', () => {
  let clock: ManualClock
  let relayed: number[]
  let congestion: number
  let frameBytes: number
  let frameMs: number
  let queue: ReturnType<typeof createRelayQueue>

  beforeEach(() => {
    clock = manualClock()
    relayed = []
    congestion = 0
    frameBytes = 1 * KB
    frameMs = 0
    queue = createRelayQueue(
      {
        relay({ seq }) {
          relayed.push(seq)
          clock.time += frameMs
          return frameBytes
        },
        congestion: () => congestion,
      },
      clock,
    )
  })

  it('relays a single row at once', () => {
    queue.push([row(1)])
    expect(relayed).to.deep.equal([1])
  })

  it('relays at most 256 KiB per turn, in order, and the rest in the next turns', () => {
    frameBytes = 100 * KB
    for (let seq = 1; seq <= 8; seq++) queue.push([row(seq)])
    expect(relayed).to.deep.equal([1, 2, 3])
    clock.endTurn()
    expect(relayed).to.deep.equal([1, 2, 3, 4, 5, 6])
    clock.endTurn()
    expect(relayed).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8])
    clock.endTurn()
    queue.push([row(9)])
    expect(relayed.at(-1)).to.equal(9)
  })

  it('relays one frame per turn if each takes longer than the time of a turn', () => {
    frameMs = 30
    queue.push(rows(1, 3))
    expect(relayed).to.deep.equal([1])
    clock.endTurn()
    expect(relayed).to.deep.equal([1, 2])
  })

  it('pauses while most clients have much to read', () => {
    frameBytes = 300 * KB
    queue.push(rows(1, 2))
    congestion = 1
    for (let pause = 0; pause < 5; pause++) clock.endTurn()
    expect(relayed).to.deep.equal([1])
    congestion = 0
    clock.endTurn()
    expect(relayed).to.deep.equal([1, 2])
  })

  it('continues after some pauses, so that slow clients do not delay the others', () => {
    frameBytes = 300 * KB
    congestion = 1
    queue.push(rows(1, 2))
    for (let pause = 0; pause < 30; pause++) clock.endTurn()
    expect(relayed).to.deep.equal([1, 2])
  })

  it('pauses less if only a few clients have much to read', () => {
    frameBytes = 300 * KB
    congestion = 0.1
    queue.push(rows(1, 2))
    clock.endTurn()
    expect(relayed).to.deep.equal([1])
    for (let pause = 0; pause < 4; pause++) clock.endTurn()
    expect(relayed).to.deep.equal([1, 2])
  })

  it('is full with 500 rows, and resolves `room` when it is half empty', async () => {
    frameMs = 30
    queue.push(rows(1, 501))
    expect(queue.hasRoom()).to.equal(false)
    let hasRoom = false
    const waiting = queue.room().then(() => (hasRoom = true))
    for (let turn = 0; turn < 249; turn++) clock.endTurn()
    await Promise.resolve()
    expect(hasRoom).to.equal(false)
    clock.endTurn()
    await waiting
    expect(queue.hasRoom()).to.equal(true)
  })
})

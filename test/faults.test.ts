import { expect } from 'chai'
import { check, noAnomalies, type Ledger, type DatabaseState } from './faults/checker.ts'
import { startCluster, type Cluster } from './faults/cluster/cluster.ts'
import { faults } from './faults/faults.ts'
import type { Entry } from './faults/follower.ts'
import { lineOf } from './faults/report.ts'
import { run, type Fault, type Outcome } from './faults/run.ts'

/** Three clusters run at the same time, each with every third fault, because most of a fault is waiting. */
const CLUSTERS = 3

/** The short form of `npm run faults`; docs/reliability.md describes the long one. */
describe('the site loses, repeats, reorders and leaks no event during the fault', () => {
  const clusters: Cluster[] = []
  const outcomes = new Map<Fault, Promise<Outcome>>()

  before(async function () {
    this.timeout(60_000)
    const size = { instances: 2, authors: 2, strangers: 2, followers: 3 }
    for (let n = 0; n < CLUSTERS; n++) clusters.push(await startCluster(size))
    for (const [index, cluster] of clusters.entries()) {
      let previous: Promise<unknown> = Promise.resolve()
      for (const fault of faults.filter((_, n) => n % CLUSTERS === index)) {
        const outcome = previous.then(() => run(fault, cluster, 'short'))
        outcomes.set(fault, outcome)
        previous = outcome.catch(() => {}) // the fault's own test reports it
      }
    }
  })
  after(async () => {
    await Promise.allSettled(outcomes.values())
    for (const cluster of clusters) await cluster.stop()
  })

  for (const fault of faults) {
    it(fault.name, async function () {
      this.timeout(120_000)
      this.slow(60_000)
      const outcome = await outcomes.get(fault)!
      const { lost, duplicates, disorder, leaks, violations } = outcome
      expect({ lost, duplicates, disorder, leaks, violations }, lineOf(outcome)).to.deep.equal({
        ...noAnomalies,
        violations: [],
      })
    })
  }
})

describe('the checker of the fault bench', () => {
  const entry = { connection: 1, at: 0 }
  const post = (id: number, author = 'ann', body = `post ${id}`): Entry => ({
    ...entry,
    kind: 'event',
    id,
    event: 'post',
    summary: { author, body, action: 'created' },
  })
  const frame = (kind: 'opened' | 'beat' | 'reset', id: number): Entry => ({ ...entry, kind, id })
  const stateWith = (...seqs: number[]): DatabaseState => ({
    log: seqs.map((seq) => ({ seq, topics: ['feed:1'], body: `post ${seq}`, created: true })),
    posts: new Map(seqs.map((seq) => [`post ${seq}`, 1])),
  })
  const ledger = (...entries: Entry[]): Ledger => ({
    name: 'bob',
    from: 10,
    entries,
    topics: new Set(['feed:1']),
    followed: new Set(['ann']),
  })
  const confirmed = (id: number) => ({ body: `post ${id}`, author: 'ann', sentAt: 0, confirmedAt: 1 })

  it('counts nothing if every event arrived once, in order', () => {
    const all = ledger(
      frame('opened', 10),
      post(11),
      post(12),
      frame('beat', 12),
      frame('opened', 12),
      post(13),
    )
    expect(check(all, stateWith(11, 12, 13), [confirmed(11)])).to.deep.equal(noAnomalies)
  })

  it('counts events that never arrived', () => {
    expect(check(ledger(post(11), post(13)), stateWith(11, 12, 13), [])).to.deep.equal({
      ...noAnomalies,
      lost: 1,
    })
    expect(check(ledger(post(11)), stateWith(11, 12, 13), []).lost).to.equal(2)
  })

  it('counts confirmed posts that are not stored', () => {
    expect(check(ledger(post(11)), stateWith(11), [confirmed(12)]).lost).to.equal(1)
    const unanswered = { ...confirmed(12), confirmedAt: null }
    expect(check(ledger(post(11)), stateWith(11), [unanswered])).to.deep.equal(noAnomalies)
  })

  it('counts events that arrived twice, with the same id or the same content', () => {
    expect(check(ledger(post(11), post(11)), stateWith(11), []).duplicates).to.equal(1)
    expect(check(ledger(post(11), post(12, 'ann', 'post 11')), stateWith(11), []).duplicates).to.equal(1)
    const twice = { ...stateWith(11), posts: new Map([['post 11', 2]]) }
    expect(check(ledger(post(11)), twice, []).duplicates).to.equal(1)
  })

  it('counts late events, and cursors that move back', () => {
    expect(check(ledger(post(12), post(11)), stateWith(11, 12), [])).to.deep.equal({
      ...noAnomalies,
      disorder: 1,
    })
    expect(check(ledger(post(12), frame('beat', 11)), stateWith(12), []).disorder).to.equal(1)
  })

  it('counts events of authors that the follower does not follow', () => {
    expect(check(ledger(post(11, 'eve')), stateWith(11), [])).to.deep.equal({ ...noAnomalies, leaks: 1 })
  })

  it('accepts missing events before a reset if the pages loaded after it contain the posts', () => {
    const pages = (bodies: string[]): Entry => ({ ...entry, kind: 'pages', bodies })
    const reset = [post(11), frame('reset', 13), post(14)]
    expect(
      check(ledger(...reset, pages(['post 12', 'post 13'])), stateWith(11, 12, 13, 14), []),
    ).to.deep.equal(noAnomalies)
    expect(check(ledger(...reset, pages(['post 12'])), stateWith(11, 12, 13, 14), []).lost).to.equal(1)
  })

  it('accepts missing events before an opening only if a reset follows it', () => {
    const pages: Entry = { ...entry, kind: 'pages', bodies: ['post 12'] }
    const opened = [post(11), frame('opened', 12)]
    expect(check(ledger(...opened, frame('reset', 12), pages), stateWith(11, 12), [])).to.deep.equal(
      noAnomalies,
    )
    expect(check(ledger(...opened, pages), stateWith(11, 12), []).lost).to.equal(1)
  })

  it('starts again at a reset after which the numbers start again', () => {
    const back = ledger(post(11), post(12), frame('reset', 11), post(12, 'ann', 'another 12'))
    const now: DatabaseState = {
      log: [11, 12, 13].map((seq) => ({ seq, topics: ['feed:1'], body: `another ${seq}`, created: true })),
      posts: new Map([11, 12, 13].map((seq) => [`another ${seq}`, 1])),
    }
    expect(check(back, now, [])).to.deep.equal({ ...noAnomalies, lost: 1 })
  })
})

import { expect } from 'chai'
import { check, faultless, type Ledger, type Truth } from './faults/checker.ts'
import { startCluster, type Cluster } from './faults/cluster.ts'
import { faults } from './faults/faults.ts'
import type { Entry } from './faults/follower.ts'
import { lineOf } from './faults/report.ts'
import { run, type Fault, type Outcome } from './faults/run.ts'

/** Two clusters at a time, each with every other fault: most of each is waiting. */
const LANES = 2

/** The short form of `npm run faults`; docs/reliability.md has the long one. */
describe('nothing is lost, nothing comes twice or out of order, and nobody sees what is not theirs, when', () => {
  const clusters: Cluster[] = []
  const outcomes = new Map<Fault, Promise<Outcome>>()

  before(async function () {
    this.timeout(60_000)
    const size = { instances: 2, authors: 2, strangers: 2, followers: 3 }
    for (let lane = 0; lane < LANES; lane++) clusters.push(await startCluster(size))
    for (const [lane, cluster] of clusters.entries()) {
      let previous: Promise<unknown> = Promise.resolve()
      for (const fault of faults.filter((_, n) => n % LANES === lane)) {
        const outcome = previous.then(() => run(fault, cluster, 'short'))
        outcomes.set(fault, outcome)
        previous = outcome.catch(() => {}) // its own test tells
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
      const { lost, duplicates, disorder, leaks, breaches } = outcome
      expect({ lost, duplicates, disorder, leaks, breaches }, lineOf(outcome)).to.deep.equal({
        ...faultless,
        breaches: [],
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
    about: { author, body, action: 'created' },
  })
  const told = (kind: 'opened' | 'beat' | 'reset', id: number): Entry => ({ ...entry, kind, id })
  const truth = (...seqs: number[]): Truth => ({
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
  const answered = (id: number) => ({ body: `post ${id}`, author: 'ann', sentAt: 0, answeredAt: 1 })

  it('has nothing to say where all came once, in order', () => {
    const all = ledger(told('opened', 10), post(11), post(12), told('beat', 12), told('opened', 12), post(13))
    expect(check(all, truth(11, 12, 13), [answered(11)])).to.deep.equal(faultless)
  })

  it('counts what never came', () => {
    expect(check(ledger(post(11), post(13)), truth(11, 12, 13), [])).to.deep.equal({ ...faultless, lost: 1 })
    expect(check(ledger(post(11)), truth(11, 12, 13), []).lost).to.equal(2)
  })

  it('counts what was answered and is nowhere', () => {
    expect(check(ledger(post(11)), truth(11), [answered(12)]).lost).to.equal(1)
    const unanswered = { ...answered(12), answeredAt: null }
    expect(check(ledger(post(11)), truth(11), [unanswered])).to.deep.equal(faultless)
  })

  it('counts what came twice, by number or as another event', () => {
    expect(check(ledger(post(11), post(11)), truth(11), []).duplicates).to.equal(1)
    expect(check(ledger(post(11), post(12, 'ann', 'post 11')), truth(11), []).duplicates).to.equal(1)
    const twice = { ...truth(11), posts: new Map([['post 11', 2]]) }
    expect(check(ledger(post(11)), twice, []).duplicates).to.equal(1)
  })

  it('counts what came late, and a cursor that moves back', () => {
    expect(check(ledger(post(12), post(11)), truth(11, 12), [])).to.deep.equal({ ...faultless, disorder: 1 })
    expect(check(ledger(post(12), told('beat', 11)), truth(12), []).disorder).to.equal(1)
  })

  it('counts what was for others', () => {
    expect(check(ledger(post(11, 'eve')), truth(11), [])).to.deep.equal({ ...faultless, leaks: 1 })
  })

  it('excuses what a reset covers, if the pages loaded then brought it', () => {
    const pages = (bodies: string[]): Entry => ({ ...entry, kind: 'pages', bodies })
    const reset = [post(11), told('reset', 13), post(14)]
    expect(check(ledger(...reset, pages(['post 12', 'post 13'])), truth(11, 12, 13, 14), [])).to.deep.equal(
      faultless,
    )
    expect(check(ledger(...reset, pages(['post 12'])), truth(11, 12, 13, 14), []).lost).to.equal(1)
  })

  it('excuses what came before an opening only where a reset follows it', () => {
    const pages: Entry = { ...entry, kind: 'pages', bodies: ['post 12'] }
    const opened = [post(11), told('opened', 12)]
    expect(check(ledger(...opened, told('reset', 12), pages), truth(11, 12), [])).to.deep.equal(faultless)
    expect(check(ledger(...opened, pages), truth(11, 12), []).lost).to.equal(1)
  })

  it('begins anew where a reset says that the numbers do', () => {
    const back = ledger(post(11), post(12), told('reset', 11), post(12, 'ann', 'another 12'))
    const now: Truth = {
      log: [11, 12, 13].map((seq) => ({ seq, topics: ['feed:1'], body: `another ${seq}`, created: true })),
      posts: new Map([11, 12, 13].map((seq) => [`another ${seq}`, 1])),
    }
    expect(check(back, now, [])).to.deep.equal({ ...faultless, lost: 1 })
  })
})

import { expect } from 'chai'
import { comparePosts, leadEntry } from '../../src/shared/entries.ts'
import type { EntryView, Reason } from '../../src/shared/views.ts'

describe('where a post stands on a page', () => {
  it('is nowhere when it is in none of the page’s feeds', () => {
    expect(leadEntry([entry('1', 1, 'posted')], new Set(['2']))).to.equal(null)
    expect(leadEntry([], new Set(['1']))).to.equal(null)
    expect(leadEntry([entry('1', 1, 'posted')], new Set(['1']))).not.to.equal(null)
  })

  it('is at its newest entry there, with that one’s reason', () => {
    const entries = [entry('1', 1, 'liked'), entry('2', 3, 'commented'), entry('3', 9, 'liked')]
    const lead = leadEntry(entries, new Set(['1', '2']))
    expect(lead).to.deep.include({ at: entries[1]!.at, reason: 'commented' })
    expect(lead?.actor?.id).to.equal('2')
  })

  it('has no reason when one of the feeds has it as posted', () => {
    const entries = [entry('1', 1, 'posted'), entry('2', 3, 'commented')]
    expect(leadEntry(entries, new Set(['1', '2']))).to.deep.equal({
      at: entries[1]!.at,
      reason: null,
      actor: null,
    })
  })

  it('does not depend on the order of entries, also at one instant', () => {
    const entries = [entry('9', 1, 'liked'), entry('10', 1, 'commented')]
    const feeds = new Set(['9', '10'])
    expect(leadEntry(entries, feeds)).to.deep.equal(leadEntry(entries.toReversed(), feeds))
    expect(leadEntry(entries, feeds)?.reason).to.equal('commented')
  })

  it('is ordered by time, then by id as a number, newest first', () => {
    const posts = [post('9', 1), post('10', 1), post('2', 2)]
    expect(posts.toSorted(comparePosts).map(({ id }) => id)).to.deep.equal(['2', '10', '9'])
  })
})

function entry(feed: string, second: number, reason: Reason): EntryView {
  return { feed, at: at(second), reason, actor: { id: feed, username: `u${feed}`, name: '', avatar: null } }
}

function post(id: string, second: number) {
  return { id, entry: { at: at(second) } }
}

function at(second: number): string {
  return `2026-11-22T15:51:0${second}.000000Z`
}

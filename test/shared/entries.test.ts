import { expect } from 'chai'
import { comparePosts, pageEntry } from '../../src/shared/entries.ts'
import type { EntryView, Reason } from '../../src/shared/views.ts'

describe('the position of a post on a page', () => {
  it('is null if the post has no entry in the feeds of the page', () => {
    expect(pageEntry([entry('1', 1, 'posted')], new Set(['2']))).to.equal(null)
    expect(pageEntry([], new Set(['1']))).to.equal(null)
    expect(pageEntry([entry('1', 1, 'posted')], new Set(['1']))).not.to.equal(null)
  })

  it('has the time and the reason of the newest entry in these feeds', () => {
    const entries = [entry('1', 1, 'liked'), entry('2', 3, 'commented'), entry('3', 9, 'liked')]
    const lead = pageEntry(entries, new Set(['1', '2']))
    expect(lead).to.deep.include({ at: entries[1]!.at, reason: 'commented' })
    expect(lead?.actor?.id).to.equal('2')
  })

  it('has no reason if one of the entries is posted', () => {
    const entries = [entry('1', 1, 'posted'), entry('2', 3, 'commented')]
    expect(pageEntry(entries, new Set(['1', '2']))).to.deep.equal({
      at: entries[1]!.at,
      reason: null,
      actor: null,
    })
  })

  it('does not depend on the order of entries, even if two have the same time', () => {
    const entries = [entry('9', 1, 'liked'), entry('10', 1, 'commented')]
    const feeds = new Set(['9', '10'])
    expect(pageEntry(entries, feeds)).to.deep.equal(pageEntry(entries.toReversed(), feeds))
    expect(pageEntry(entries, feeds)?.reason).to.equal('commented')
  })

  it('sorts by time, then by id as a number, newest first', () => {
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

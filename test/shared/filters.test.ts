import { expect } from 'chai'
import fc from 'fast-check'
import { excerpt, withCommas, initial, likersLine, linkParts, tint, utc } from '../../src/shared/filters.ts'
import type { Me, UserView } from '../../src/shared/views.ts'

describe('filters', () => {
  describe('link_parts', () => {
    const links = (text: string) => linkParts(text).flatMap(({ href }) => href ?? [])

    it('finds links, without the punctuation of the sentence around them', () => {
      expect(links('See https://a.example/x?y=1&z=2#t. And (http://b.example/)!')).to.deep.equal([
        'https://a.example/x?y=1&z=2#t',
        'http://b.example/',
      ])
      expect(links('https://en.wikipedia.org/wiki/Like_(button)')).to.have.length(1)
      expect(links('https://a.example/Like_(button)')[0]).to.match(/\)$/)
      expect(links('(https://a.example/a)))')).to.deep.equal(['https://a.example/a'])
    })

    it('finds only http and https links', () => {
      expect(links('javascript:alert(1) data:text/html,x ftp://x.example file:///x')).to.deep.equal([])
      expect(links('xhttps://a.example')).to.deep.equal([])
      expect(links('https:// http://')).to.deep.equal([])
    })

    it('ends a link before a character that could start markup', () => {
      expect(links('https://a.example/"onmouseover=x')).to.deep.equal(['https://a.example/'])
      expect(links('https://a.example/<script>')).to.deep.equal(['https://a.example/'])
    })

    it('returns parts that join to the same text, for any text', () => {
      const piece = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('https://', 'http://a.b/', '(', ')', '.', '<'),
      )
      fc.assert(
        fc.property(fc.array(piece), (pieces) => {
          const text = pieces.join('')
          const parts = linkParts(text)
          expect(parts.map((part) => part.text).join('')).to.equal(text)
          for (const { href } of parts) if (href !== null) expect(href).to.match(/^https?:\/\//i)
        }),
      )
    })

    it('takes linear time', () => {
      const started = performance.now()
      linkParts(`https://a.example/${')'.repeat(100_000)}`)
      linkParts('https://'.repeat(20_000))
      expect(performance.now() - started).to.be.below(500)
    })
  })

  describe('likers_line', () => {
    const me: Me = { ...person('1', 'Me'), feed: '1', owns: [] }
    const line = (like_count: number, likers: UserView[], liked: boolean) =>
      likersLine({ like_count, likers }, me, liked)
        .map(
          ({ before, kind, user, count }) =>
            before + (user?.name ?? (kind === 'you' ? 'You' : `${count} others`)),
        )
        .join('')

    it('names up to four likers', () => {
      const four = ['2', '3', '4', '5'].map((id) => person(id, `P${id}`))
      expect(line(0, [], false)).to.equal('')
      expect(line(1, four.slice(0, 1), false)).to.equal('P2')
      expect(line(2, [me, ...four.slice(0, 1)], true)).to.equal('You and P2')
      expect(line(4, four, false)).to.equal('P2, P3, P4 and P5')
    })

    it('names three likers if there are more than four', () => {
      const four = ['2', '3', '4', '5'].map((id) => person(id, `P${id}`))
      expect(line(5, four, false)).to.equal('P2, P3, P4 and 2 others')
      expect(line(10, four, true)).to.equal('You, P2, P3 and 7 others')
    })

    it('names the viewer first, wherever the viewer is in the list', () => {
      const likers = ['2', '3', '4'].map((id) => person(id, `P${id}`))
      expect(line(4, [...likers, me], true)).to.equal('You, P2, P3 and P4')
    })
  })

  it('tint gives a person always the same of eight colors', () => {
    expect(tint('9')).to.equal(1)
    expect(tint('9223372036854775807')).to.equal(7)
    expect(tint('1008')).to.equal(tint('8'))
  })

  it('initial is a whole character of the name, or of the username', () => {
    expect(initial(person('1', 'éva'))).to.equal('É')
    expect(initial(person('1', '😀 face'))).to.equal('😀')
    expect(initial({ ...person('1', '  '), username: 'bob' })).to.equal('B')
  })

  it('utc, with_commas and excerpt do not depend on the locale', () => {
    expect(utc('2026-01-02T03:04:05.678901Z')).to.equal('2 Jan 2026, 03:04 UTC')
    expect([0, 999, 1000, 1234567].map(withCommas)).to.deep.equal(['0', '999', '1,000', '1,234,567'])
    expect(excerpt('a\n b')).to.equal('a b')
    expect([...excerpt('😀'.repeat(100))]).to.have.length(60)
  })
})

function person(id: string, name: string): UserView {
  return { id, username: `user${id}`, name, avatar: null }
}

import { expect } from 'chai'
import fc from 'fast-check'
import { excerpt, withCommas, initial, likersLine, textParts, tint, utc } from '../../src/shared/filters.ts'
import type { Me, UserView } from '../../src/shared/views.ts'

describe('filters', () => {
  describe('text_parts', () => {
    const links = (text: string) => textParts(text).flatMap(({ href }) => href ?? [])

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
      expect(links('xhttps://a.example xwww.a.example ann@www.a.example')).to.deep.equal([])
      expect(links('https:// http://')).to.deep.equal([])
    })

    it('ends a link before a character that could start markup', () => {
      expect(links('https://a.example/"onmouseover=x')).to.deep.equal(['https://a.example/'])
      expect(links('https://a.example/<script>')).to.deep.equal(['https://a.example/'])
    })

    it('links addresses that begin with www. by https', () => {
      expect(links('See www.example.org/a?b=c, WWW.Example.org. (www.a.b.example)')).to.deep.equal([
        'https://www.example.org/a?b=c',
        'https://WWW.Example.org',
        'https://www.a.b.example',
      ])
      expect(links('www. www.. www.a www.a. www')).to.deep.equal([])
    })

    it('shows at most 40 characters of an address', () => {
      const long = `https://a.example/${'😀'.repeat(30)}`
      const [link] = textParts(long)
      expect([...link!.text]).to.have.length(39) // and an ellipsis
      expect(link).to.include({ href: long, hidden: '😀'.repeat(9) })
      const [short] = textParts(`https://a.example/${'x'.repeat(22)}`)
      expect(short).to.include({ hidden: '' })
    })

    it('shows at most one blank line in a row', () => {
      const shown = (text: string) =>
        textParts(text)
          .map((part) => part.text)
          .join('')
      expect(shown('a\n\n\n\nb\n \n\t\n  c\n\nd\ne')).to.equal('a\n\nb\n \n  c\n\nd\ne')
      expect(shown('https://a.example/\n\n\n\nhttps://b.example/')).to.equal(
        'https://a.example/\n\nhttps://b.example/',
      )
    })

    it('returns parts that join to the same text, for any text', () => {
      const piece = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('https://', 'www.', 'http://a.b/', '(', ')', '.', '<', '\n', ' \n\n'),
        fc.integer({ min: 20, max: 60 }).map((length) => `www.a.example/${'x'.repeat(length)}`),
      )
      fc.assert(
        fc.property(fc.array(piece), (pieces) => {
          const text = pieces.join('')
          const parts = textParts(text)
          expect(parts.map((part) => part.text + part.hidden).join('')).to.equal(text)
          expect(parts.map((part) => part.text).join('')).not.to.match(/\n[^\S\n]*\n[^\S\n]*\n/)
          for (const { href, hidden } of parts) {
            if (href === null) expect(hidden).to.match(/^\s*$/)
            else expect(href).to.match(/^https?:\/\//i)
          }
        }),
      )
    })

    it('takes linear time', () => {
      const started = performance.now()
      textParts(`https://a.example/${')'.repeat(100_000)}`)
      textParts('https://'.repeat(20_000))
      textParts('www.'.repeat(20_000))
      textParts(`\n${' '.repeat(50_000)}x`.repeat(2))
      textParts('\n'.repeat(100_000))
      expect(performance.now() - started).to.be.below(500)
    })
  })

  describe('likers_line', () => {
    const me: Me = { ...person('1', 'Me'), feed: '1', owns: [], admin: false }
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

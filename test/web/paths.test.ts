import { expect } from 'chai'
import { BadRequest, NotFound } from '../../src/lib/errors.ts'
import { beforeId, getId, isId, pageLimit, queryText, safePath } from '../../src/web/paths.ts'

describe('path helpers', () => {
  const onSite = ['/', '/public', '/posts/12?before=3', '/users/ann#reply', '/a%20b', '/groups/x?q=%26%3D']
  for (const path of onSite) {
    it(`safePath keeps ${path}`, () => expect(safePath(path)).to.equal(path))
  }

  const unsafe = [
    '//evil.test',
    '///evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    'javascript:alert(1)',
    'https://evil.test/',
    '/%09/evil.test',
    '/\t/evil.test',
    '/%0d%0aSet-Cookie:x=1',
    '/%2f/evil.test',
    '/%5cevil.test',
    '/.//evil.test',
    '/a/..//evil.test',
    '/%2e//evil.test',
    '/%ZZ',
    ' /public',
    'public',
    '',
    `/${'x'.repeat(3000)}`,
    undefined,
    ['/public', '/public'],
    { path: '/public' },
  ]
  for (const path of unsafe) {
    it(`safePath replaces ${JSON.stringify(path)?.slice(0, 40)} with /`, () =>
      expect(safePath(path)).to.equal('/'))
  }

  it('an id is a positive decimal bigint in its canonical form', () => {
    for (const id of ['1', '10', '9223372036854775807']) expect(isId(id), id).to.equal(true)
    for (const id of [
      '',
      '0',
      '01',
      '+1',
      '-1',
      '1.0',
      '1e3',
      '0x10',
      '1_000',
      ' 1',
      '1\n',
      '9223372036854775808',
      1,
      null,
    ]) {
      expect(isId(id), String(id)).to.equal(false)
    }
    expect(getId({ id: '7' })).to.equal('7')
    expect(() => getId({ id: '07' })).to.throw(NotFound)
    expect(() => getId({})).to.throw(NotFound)
  })

  it('query parameters appear at most once, and have valid values', () => {
    expect(queryText({ a: 'x' }, 'a')).to.equal('x')
    expect(queryText({}, 'a')).to.equal(undefined)
    expect(() => queryText({ a: ['x', 'y'] }, 'a')).to.throw(BadRequest)
    expect(beforeId({})).to.equal('9223372036854775807')
    expect(beforeId({ before: '12' })).to.equal('12')
    expect(() => beforeId({ before: '012' })).to.throw(BadRequest)
    expect(pageLimit({}, 10)).to.equal(10)
    expect(pageLimit({ limit: '100' }, 10)).to.equal(100)
    for (const limit of ['0', '101', '-1', '1.5', ''])
      expect(() => pageLimit({ limit }, 10)).to.throw(BadRequest)
  })
})

import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import type { Page } from 'playwright-core'
import { bundle } from '../../src/assets/bundle.ts'
import { createEnvironment } from '../../src/lib/templates.ts'
import type { CommentView, FeedPostView, Me, UserView } from '../../src/shared/views.ts'
import { newContext } from '../support/browser/chromium.ts'

const HOSTILE = [
  '</script><script>alert(1)</script>',
  `"onmouseover="alert(1)" '><img src=x onerror=alert(1)>`,
  '{{7*7}}{% raw %}{{ constructor }}',
  'javascript:alert(1) https://a.example/"><b> https://b.example/?a=1&b=2.',
  'one\r\ntwo\rthree\u2028four\u2029five\tsix  seven\\`&amp;&#39;',
  '😀'.repeat(2500),
  `https://${'😀'.repeat(100)}/ http://xn--a/ http://[::1]/ https://a..b/ http://%zz`, // Node and browsers disagree
  '\ufeff\u202e\ud83d', // a byte order mark, a right-to-left override, half a surrogate pair
]

const ann = person('1', 'Ann')
const me: Me = { ...ann, feed: '1', owns: [], admin: false }

describe('a partial', () => {
  const server = createEnvironment(join(import.meta.dirname, '../../templates'))
  let page: Page

  before(async () => {
    page = await (await newContext()).newPage()
    const entry = join(import.meta.dirname, '../support/browser/partials.ts')
    const [script] = await bundle(entry, { name: 'partials' })
    await page.addScriptTag({ content: script!.content, type: 'module' })
    await page.waitForFunction('typeof renderPartial === "function"')
  })

  after(() => page.context().close())

  /** Renders a partial on the server and in the browser, checks that both outputs are the same, and returns one. */
  async function render(name: string, given: Record<string, unknown>): Promise<string> {
    const common = { me, csrf: 'a"b', path: '/?before=1&x', likes: { posts: [], comments: [] }, ...given }
    const fromServer = server.render(`partials/${name}.njk`, { ...common, new_key: () => 'key' })
    const fromBrowser = await page.evaluate(
      ([partial, variables]) => {
        const { renderPartial } = globalThis as unknown as {
          renderPartial(name: string, given: object): string
        }
        return renderPartial(partial, { ...variables, new_key: () => 'key' })
      },
      [name, common] as const,
    )
    expect(
      Buffer.from(fromBrowser).equals(Buffer.from(fromServer)),
      [name, fromServer, fromBrowser].map((text) => text.slice(0, 1000)).join('\n'),
    ).to.equal(true)
    return fromServer
  }

  it('renders the same bytes on the server and in the browser', async () => {
    const likers = ['2', '3', '4', '5'].map((id) => person(id, `P${id}`))
    const cards = [
      post({}),
      post({ comment_count: 1, comments: [comment('1')] }),
      post({ comment_count: 1234, comments: ['1', '8', '9'].map((id) => comment(id)) }),
      post({ like_count: 2, likers: [ann, person('2', 'Bo')] }),
      post({ like_count: 1007, likers }),
      post({ author: { ...ann, avatar: 'abc' }, edited_at: '2026-11-22T15:51:56.123456Z' }),
      post({ entry: { at: '2026-11-22T15:51:56.123456Z', reason: 'commented', actor: person('2', 'Bo') } }),
      post({ entry: { at: '2026-11-22T15:51:56.123456Z', reason: 'liked', actor: ann } }),
      post({ entry: { at: '2026-11-22T15:51:57.123456Z', reason: null, actor: null } }),
      post({
        entry: { at: '2026-11-22T15:51:57.123456Z', reason: null, actor: null },
        comment_count: 1,
        comments: [{ ...comment('1'), created_at: '2026-11-22T15:51:57.123456Z' }],
      }),
      post({ group: { id: '1', name: 'birds', title: 'Birds & co', visibility: 'private' } }),
      post({
        group: { id: '1', name: 'birds', title: 'Birds & co', visibility: 'public' },
        comment_count: 2,
        comments: ['1', '8'].map((id) => ({ ...comment(id), like_count: Number(id) })),
      }),
    ]
    for (const card of cards) {
      for (const viewer of [me, null, { ...person('7', 'Else'), feed: '7', owns: ['1'] }]) {
        await render('post', { post: card, me: viewer })
        await render('post', { post: card, me: viewer, likes: { posts: ['12'], comments: ['8'] } })
        await render('post', { post: card, me: viewer, full: true, comments: card.comments })
      }
    }
    const people = [ann, { ...ann, avatar: 'abc' }, person('9', ' ')]
    for (const each of people) {
      await render('name', { person: each })
      await render('picture', { person: each })
      await render('follow', { person: { ...each, followed: each === ann } })
    }
    for (const like_count of [0, 1, 1234]) {
      await render('comment_likes', { comment: { id: '8', like_count } })
      await render('comment_like', { comment: { id: '8' }, likes: { posts: [], comments: ['8'] } })
    }
    for (const count of [1, 1234]) await render('earlier', { post: { id: '12' }, first: { id: '7' }, count })
    await render('reply', { post: { id: '12' } })
    await render('reply', {
      post: { id: '12' },
      full: true,
      values: { body: 'x', client_key: 'y' },
      errors: { body: 'z' },
    })
    await render('editor', { key: 'a', action: '/posts/12/edit', cancel: '/', max: 5000, body: '\nx' })
    await render('editor', {
      key: 'a',
      action: '/posts/12/edit',
      cancel: '/',
      max: 5000,
      body: '',
      error: 'e',
    })
  })

  it('escapes every text of people, and shows it unchanged', async () => {
    for (const text of HOSTILE) {
      const author = { ...ann, name: text }
      const html = await render('post', {
        post: post({
          author,
          body: text,
          like_count: 5,
          likers: [author],
          comment_count: 1,
          comments: [{ ...comment('1'), author, body: text }],
          entry: { at: '2026-11-22T15:51:56.123456Z', reason: 'liked', actor: { ...author, id: '2' } },
          group: { id: '1', name: 'birds', title: text, visibility: 'public' },
        }),
      })
      const found = await page.evaluate((markup) => {
        const template = document.createElement('template')
        template.innerHTML = markup
        const { content } = template
        const all = [...content.querySelectorAll('*')]
        return {
          body: content.querySelector('.post-text')?.textContent,
          comment: content.querySelector('.comment-text')?.textContent,
          unexpected: content.querySelectorAll('script, img, b').length,
          attributes: all
            .flatMap((element) => element.getAttributeNames())
            .filter((name) => /^(on|style)/.test(name)),
          links: all
            .map((element) => element.getAttribute('href'))
            .filter((href) => href && !/^(\/|https?:)/.test(href)),
        }
      }, html)
      const parsed = text.replace(/\r\n?/g, '\n').toWellFormed()
      expect(found.body?.toWellFormed()).to.equal(parsed)
      expect(found.comment?.toWellFormed()).to.equal(parsed)
      expect(found).to.deep.include({ unexpected: 0, attributes: [], links: [] })
    }
  })

  it('renders any text the same on the server and in the browser, and only links and hidden ends as elements', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...HOSTILE, 'https://', 'www.', 'www.a.example/', '"', "'", '<', '>', '&', '\n\n\n'),
      fc.string().map((text) => `https://a.example/${text.repeat(5)}`),
      fc.webUrl({ validSchemes: ['http', 'https'], withFragments: true }),
      fc.string({ unit: 'binary' }).map((text) => `https://${text}`),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        // The server refuses NUL.
        const text = pieces.join('').toWellFormed().replaceAll('\0', '')
        const html = await render('text', { text })
        const found = await page.evaluate((markup) => {
          const template = document.createElement('template')
          template.innerHTML = markup
          const all = [...template.content.querySelectorAll('*')]
          return {
            text: template.content.textContent,
            elements: all.map((element) => `${element.localName} ${element.getAttributeNames().join()}`),
            links: all.flatMap((element) => element.getAttribute('href') ?? []),
          }
        }, html)
        expect(found.text).to.equal(text.replace(/\r\n?/g, '\n'))
        for (const element of found.elements) expect(element).to.match(/^(a href,rel(,title)?|span class)$/)
        for (const href of found.links) expect(href).to.match(/^https?:\/\//i)
      }),
      { numRuns: 200 },
    )
  })

  it('throws if a variable is missing', () => {
    expect(() => server.render('partials/comment.njk', { comment: {}, post: {} })).to.throw()
  })
})

function person(id: string, name: string): UserView {
  return { id, username: `user${id}`, name, avatar: null }
}

function comment(id: string): CommentView {
  return {
    id,
    author: person(id, `P${id}`),
    body: `Comment ${id} https://a.example/(x).`,
    created_at: '2026-11-22T15:51:56.123456Z',
    edited_at: id === '8' ? '2026-11-22T15:52:56.123456Z' : null,
    like_count: 0,
  }
}

function post(given: Partial<FeedPostView>): FeedPostView {
  return {
    id: '12',
    author: ann,
    group: null,
    body: 'Hello\n  there: https://a.example/?x=1&y=2',
    created_at: '2026-11-22T15:51:56.123456Z',
    edited_at: null,
    like_count: 0,
    likers: [],
    comment_count: 0,
    comments: [],
    entries: [],
    entry: { at: '2026-11-22T15:51:56.123456Z', reason: null, actor: null },
    ...given,
  }
}

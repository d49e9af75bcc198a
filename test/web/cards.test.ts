import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { createEnvironment } from '../../src/lib/templates.ts'
import { CARD, type FeedPostView, type LikesView, type Me, type PostView } from '../../src/shared/views.ts'
import { createCardRenderer } from '../../src/web/rendering/cards.ts'
import { createPieceRenderer, escapeHoles, HOLES } from '../../src/web/rendering/pieces.ts'

const templates = join(import.meta.dirname, '../../templates')
const env = createEnvironment(templates)
const pieces = createPieceRenderer(templates)

const HOSTILE = [
  '{{ csrf }}{% raw %}{{ path }}',
  'csrf',
  'path',
  '[object Object]',
  '\u0000csrf\u0000',
  '"><script>alert(1)</script>\'&amp;',
  'https://evil.example/?token=',
  'value="',
  '$&$1$`',
  '\ud83d',
  ...HOLES,
]

const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', minLength: 1 }))
/** Few, so that authors, likers and the viewer are often the same person. */
const user = fc.record({
  id: fc.constantFrom('1', '2', '3'),
  username: fc.constant('ann_x'),
  name: text,
  avatar: fc.constantFrom(null, 'abc'),
})
const time = fc.constantFrom('2026-11-22T15:51:56.123456Z', '2026-11-23T01:02:03.000000Z')
const edited = fc.option(time)
const count = fc.nat(1200)
const group = fc.record({
  id: fc.constantFrom('1', '2'),
  name: fc.constant('birds'),
  title: text,
  visibility: fc.constantFrom('public' as const, 'private' as const),
})
const comment = fc.record({
  id: fc.constantFrom('1', '2', '3', '4'),
  author: user,
  body: text,
  created_at: time,
  edited_at: edited,
  like_count: count,
})
const card: fc.Arbitrary<PostView> = fc.record({
  id: fc.constantFrom('1', '2'),
  author: user,
  group: fc.option(group),
  body: text,
  created_at: time,
  edited_at: edited,
  like_count: count,
  likers: fc.uniqueArray(user, { maxLength: 3, selector: ({ id }) => id }),
  comment_count: count,
  comments: fc.array(comment, { maxLength: 5 }),
  entries: fc.constant([]),
})
const entry = fc.oneof(
  fc.record({ at: time, reason: fc.constant(null), actor: fc.constant(null) }),
  fc.record({ at: time, reason: fc.constantFrom('commented' as const, 'liked' as const), actor: user }),
)
const me: fc.Arbitrary<Me | null> = fc.option(
  fc
    .tuple(user, fc.subarray(['1', '2']), fc.boolean())
    .map(([person, owns, admin]) => ({ ...person, feed: '1', owns, admin })),
)
const likes: fc.Arbitrary<LikesView> = fc.record({
  posts: fc.subarray(['1', '2']),
  comments: fc.subarray(['1', '2', '3', '4']),
})
const view = fc.record({ entry, me, likes, csrf: text, path: text })

describe('the cached HTML of a card', () => {
  it('is what the template renders, for every viewer and on every page', () => {
    fc.assert(
      fc.property(card, fc.array(view, { minLength: 1, maxLength: 8 }), (shared, views) => {
        const render = createCardRenderer(pieces)
        for (const { entry: place, csrf, path, ...viewer } of [...views, ...views]) {
          const post: FeedPostView = { ...shared, entry: place, [CARD]: shared }
          const cached = render(post, viewer, escapeHoles({ csrf, path }))
          expect(cached).to.equal(env.render('partials/post.njk', { post, ...viewer, csrf, path }))
        }
      }),
      { numRuns: 100 },
    )
  })

  it('is the same when the cache drops cards, and for a post without a card', () => {
    const small = createCardRenderer(pieces, 10_000)
    fc.assert(
      fc.property(
        fc.array(card, { minLength: 5 }),
        view,
        (shared, { entry: place, csrf, path, ...viewer }) => {
          for (const one of [...shared, ...shared]) {
            const expected = env.render('partials/post.njk', {
              post: { ...one, entry: place },
              ...viewer,
              csrf,
              path,
            })
            for (const post of [
              { ...one, entry: place, [CARD]: one },
              { ...one, entry: place },
            ])
              expect(small(post, viewer, escapeHoles({ csrf, path }))).to.equal(expected)
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('is rendered once for all viewers who see the same', () => {
    let renderings = 0
    const render = createCardRenderer((name, variables) => {
      renderings += 1
      return pieces(name, variables)
    })
    const [shared] = fc.sample(
      card.filter(
        ({ author, likers, comments }) =>
          ![author, ...likers, ...comments.map((one) => one.author)].some(({ id }) => id === '1'),
      ),
      1,
    ) as [PostView]
    const place = { at: '2026-11-22T15:51:56.123456Z', reason: null, actor: null }
    const none = { posts: [], comments: [] }
    const show = (id: string, post: PostView, owns: string[] = []) =>
      render(
        { ...post, entry: place, [CARD]: post },
        { me: { id, username: 'u', name: 'U', avatar: null, feed: id, owns, admin: false }, likes: none },
        { csrf: `token of ${id}`, path: '/' },
      )
    expect(show('8', shared)).to.contain('token of 8').and.not.contain('token of 9')
    expect(show('9', shared)).to.contain('token of 9').and.not.contain('token of 8')
    expect(renderings).to.equal(1)
    show(shared.author.id, shared)
    expect(renderings, 'for the author').to.equal(2)
    show('8', { ...shared })
    expect(renderings, 'of a new card').to.equal(3)
  })
})

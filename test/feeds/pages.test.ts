import { expect } from 'chai'
import { useSite } from '../support/site.ts'

describe('pages of posts', () => {
  const { people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  before(async () => {
    for (let i = 1; i <= 12; i++) await bob.post('/posts', { body: `bob's ${i}.` })
  })

  const html = { accept: 'text/html' } as const
  const bodies = (json: { posts: { body: string }[] }) => json.posts.map((post) => post.body)
  const numbered = (from: number, to: number) =>
    Array.from({ length: from - to + 1 }, (_, i) => `bob's ${from - i}.`)

  it('shows the public feed and a link to register to anonymous visitors at /', async () => {
    const page = await guest.get('/', html)
    expect(page.status).to.equal(200)
    expect(page.text)
      .to.contain('bob&#39;s 12.')
      .and.to.contain('/register')
      .and.not.to.contain('action="/posts"')
    const first = (await guest.get('/')).json
    expect(first.stream).to.equal('/public/stream')
    const older = (await guest.get(`/?before=${encodeURIComponent(first.before)}`)).json
    expect(bodies(older)).to.deep.equal(numbered(2, 1))
  })

  it('shows the posts of followed people and a composer to signed-in people at /', async () => {
    const page = await ann.get('/', html)
    expect(page.text).to.contain('action="/posts"').and.not.to.contain('bob&#39;s 12.')
    await ann.post('/users/bob/follow')
    expect((await ann.get('/', html)).text).to.contain('bob&#39;s 12.')
    expect((await ann.get('/')).json.stream).to.equal('/stream')
  })

  for (const path of ['/public', '/users/bob']) {
    it(`shows ${path} to everybody, ten posts per page`, async () => {
      for (const viewer of [ann, guest]) {
        const first = (await viewer.get(path)).json
        expect(bodies(first)).to.deep.equal(numbered(12, 3))
        const older = (await viewer.get(`${path}?before=${encodeURIComponent(first.before)}`)).json
        expect(bodies(older)).to.deep.equal(numbered(2, 1))
        expect(older.before).to.equal(null)
        expect((await viewer.get(path, html)).text).to.contain('bob&#39;s 12.')
      }
    })

    it(`answers 400 for an invalid cursor of ${path}`, async () => {
      for (const before of ['x', '1', '2026-13-01T00:00:00.000000Z_1', '9'.repeat(30)]) {
        expect((await guest.get(`${path}?before=${before}`)).status, before).to.equal(400)
      }
    })
  }
})

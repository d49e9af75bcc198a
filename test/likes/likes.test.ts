import { expect } from 'chai'
import type { PersonView } from '../../src/shared/pages.ts'
import type { PostView } from '../../src/shared/views.ts'
import { eventually } from '../support/eventually.ts'
import { useSite } from '../support/site.ts'

describe('likes', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  let post: string
  beforeEach(async () => {
    post = (await ann.post('/posts', { body: 'like me' })).json.post.id
  })

  const likers = (card: PostView) => card.likers.map((person) => person.username)

  it('a like shows who likes, and an unlike takes it away', async () => {
    const liked = (await bob.post(`/posts/${post}/like`)).json.post as PostView
    expect(liked.like_count).to.equal(1)
    expect(likers(liked)).to.deep.equal(['bob'])
    const unliked = (await bob.post(`/posts/${post}/unlike`)).json.post as PostView
    expect(unliked.like_count).to.equal(0)
    expect(likers(unliked)).to.deep.equal([])
  })

  it('liking twice counts once, at the same instant too; unliking what one does not like is harmless', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => bob.post(`/posts/${post}/like`)))
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200])
    expect((await bob.post(`/posts/${post}/like`)).json.post.like_count).to.equal(1)
    expect((await ann.post(`/posts/${post}/unlike`)).json.post.like_count).to.equal(1)
  })

  it('likes and unlikes of many at one post do not get in each other’s way', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => [
        ann.post(`/posts/${post}/${i % 2 ? 'unlike' : 'like'}`),
        bob.post(`/posts/${post}/${i % 2 ? 'like' : 'unlike'}`),
      ]).flat(),
    )
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    const [row] = await database.query(
      `select like_count, (select count(*)::int from post_likes where post_id = p.id) as rows from posts p where id = $1`,
      [post],
    )
    expect(row?.like_count).to.equal(row?.rows)
  })

  it('a like that comes while the post is being deleted finds no post', async () => {
    await database.query('begin')
    await database.query('delete from posts where id = $1', [post])
    const late = bob.post(`/posts/${post}/like`)
    await eventually(() => database.countLockWaits())
    await database.query('commit')
    expect((await late).status).to.equal(404)
  })

  it('forms lead back to the post', async () => {
    for (const what of ['like', 'unlike']) {
      expect(await bob.post(`/posts/${post}/${what}`, {}, { type: 'form' })).to.include({
        status: 303,
        location: `/posts/${post}`,
      })
    }
  })

  it('everybody who likes is listed, the newest first, in pages of ten', async () => {
    await database.query(`insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(10, 21) n
      on conflict do nothing`)
    await database.query(
      `insert into post_likes (post_id, user_id, created_at)
       select $1, id, '2026-01-01T00:00:00Z'::timestamptz + id * interval '1 microsecond' from users where username like 'fan%'`,
      [post],
    )
    const first = (await ann.get(`/posts/${post}/likers`)).json as { people: PersonView[]; before: string }
    const next = (await ann.get(`/posts/${post}/likers?before=${encodeURIComponent(first.before)}`)).json
    const names = [...first.people, ...next.people].map((person) => person.username)
    expect(names).to.deep.equal(Array.from({ length: 12 }, (_, i) => `fan_${21 - i}`))
    expect(first.people).to.have.length(10)
    expect(next.before).to.equal(null)
    expect((await ann.get(`/posts/${post}/likers`, { accept: 'text/html' })).text).to.contain('fan_21')
  })

  it('signed out one may look, and not like', async () => {
    expect((await guest.get(`/posts/${post}/likers`)).status).to.equal(200)
    expect((await guest.post(`/posts/${post}/like`)).status).to.equal(401)
    expect((await guest.get(`/posts/${post}`)).json.post.like_count).to.equal(0)
  })
})

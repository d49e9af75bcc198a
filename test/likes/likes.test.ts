import { expect } from 'chai'
import type { PersonView } from '../../src/shared/pages.ts'
import type { PostView } from '../../src/shared/views.ts'
import { eventually } from '../support/eventually.ts'
import { useSite } from '../support/site.ts'

describe('likes of posts', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  let post: string
  beforeEach(async () => {
    post = (await ann.post('/posts', { body: 'like me' })).json.post.id
  })

  const likers = (card: PostView) => card.likers.map((person) => person.username)

  it('adds the liker to the card, and removes the liker after an unlike', async () => {
    const liked = (await bob.post(`/posts/${post}/like`)).json.post as PostView
    expect(liked.like_count).to.equal(1)
    expect(likers(liked)).to.deep.equal(['bob'])
    const unliked = (await bob.post(`/posts/${post}/unlike`)).json.post as PostView
    expect(unliked.like_count).to.equal(0)
    expect(likers(unliked)).to.deep.equal([])
  })

  it('counts a repeated like once, even at the same moment, and ignores an unlike without a like', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => bob.post(`/posts/${post}/like`)))
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200])
    expect((await bob.post(`/posts/${post}/like`)).json.post.like_count).to.equal(1)
    expect((await ann.post(`/posts/${post}/unlike`)).json.post.like_count).to.equal(1)
  })

  it('counts many concurrent likes and unlikes correctly', async () => {
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

  it('answers 404 for a like that waits while its post is being deleted', async () => {
    await database.query('begin')
    await database.query('delete from posts where id = $1', [post])
    const late = bob.post(`/posts/${post}/like`)
    await eventually(() => database.countLockWaits())
    await database.query('commit')
    expect((await late).status).to.equal(404)
  })

  it('answers 204 without the card if the client prefers it, and 404 all the same', async () => {
    const minimal = { headers: { prefer: 'respond-async, return=minimal' } }
    const comment = (await ann.post(`/posts/${post}/comments`, { body: 'a' })).json.comment.id
    for (const path of [`/posts/${post}`, `/comments/${comment}`]) {
      for (const [action, count] of [
        ['like', 1],
        ['unlike', 0],
      ] as const) {
        const answer = await bob.post(`${path}/${action}`, {}, minimal)
        expect([answer.status, answer.text]).to.deep.equal([204, ''])
        expect(answer.headers.get('preference-applied')).to.equal('return=minimal')
        const { post: card, comment: shown } = (await bob.post(`${path}/${action}`)).json
        expect((shown ?? card).like_count, `${action} ${path}`).to.equal(count)
      }
    }
    for (const path of ['/posts/999', '/comments/999']) {
      expect((await bob.post(`${path}/like`, {}, minimal)).status).to.equal(404)
      expect((await bob.post(`${path}/unlike`, {}, minimal)).status).to.equal(404)
    }
  })

  it('redirects a form to the post', async () => {
    for (const action of ['like', 'unlike']) {
      expect(await bob.post(`/posts/${post}/${action}`, {}, { type: 'form' })).to.include({
        status: 303,
        location: `/posts/${post}`,
      })
    }
  })

  it('lists all likers, newest first, in pages of ten', async () => {
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

  it('shows likers to anonymous visitors, but does not let them like', async () => {
    expect((await guest.get(`/posts/${post}/likers`)).status).to.equal(200)
    expect((await guest.post(`/posts/${post}/like`)).status).to.equal(401)
    expect((await guest.get(`/posts/${post}`)).json.post.like_count).to.equal(0)
  })
})

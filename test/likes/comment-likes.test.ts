import { expect } from 'chai'
import type { PersonView } from '../../src/shared/pages.ts'
import { eventually } from '../support/eventually.ts'
import { openStream } from '../support/streams/sse.ts'
import { useSite } from '../support/site.ts'

/** Readers see the number, screen readers also its meaning. */
const ONE_LIKE = />1<span class="visually-hidden"> like</

describe('likes of comments', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob', 'cleo'], instances: 2 })
  const { ann, bob, cleo } = people
  let post: string
  let comment: string
  beforeEach(async () => {
    post = (await ann.post('/posts', { body: 'talk to me' })).json.post.id
    comment = (await bob.post(`/posts/${post}/comments`, { body: 'like this' })).json.comment.id
  })

  const html = { accept: 'text/html' } as const
  const form = { type: 'form' } as const

  it('returns the comment and the card after a like and after an unlike', async () => {
    const liked = (await ann.post(`/comments/${comment}/like`)).json
    expect(liked.comment).to.include({ id: comment, like_count: 1 })
    expect(liked.post).to.deep.include({ id: post, comments: [liked.comment], like_count: 0 })
    const unliked = (await ann.post(`/comments/${comment}/unlike`)).json
    expect(unliked.comment).to.include({ like_count: 0 })
    expect(unliked.post.comments).to.deep.equal([unliked.comment])
  })

  it('counts a repeated like once, even at the same moment, and ignores an unlike without a like', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => ann.post(`/comments/${comment}/like`)))
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200])
    expect((await cleo.post(`/comments/${comment}/unlike`)).json.comment.like_count).to.equal(1)
  })

  it('counts many concurrent likes and unlikes correctly, without a deadlock', async () => {
    const other = (await ann.post(`/posts/${post}/comments`, { body: 'and this' })).json.comment.id
    const answers = await Promise.all(
      [ann, bob, cleo].flatMap((person, n) =>
        Array.from({ length: 10 }, (_, i) =>
          person.post(`/comments/${(i + n) % 2 ? comment : other}/${i % 3 ? 'like' : 'unlike'}`),
        ),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    const rows = await database.query<{ like_count: number; rows: number }>(
      `select like_count, (select count(*)::int from comment_likes l where l.comment_id = c.id) as rows
       from comments c where post_id = $1`,
      [post],
    )
    expect(rows).to.have.length(2)
    for (const row of rows) expect(row.like_count).to.equal(row.rows)
  })

  it('marks the likes of the viewer on every page that shows the comment', async () => {
    await ann.post(`/comments/${comment}/like`)
    for (const path of ['/', '/public', '/users/bob', `/posts/${post}`, `/posts/${post}/comments`]) {
      expect((await ann.get(path)).json.likes.comments, path).to.include(comment)
    }
    for (const path of ['/public', `/posts/${post}`, `/posts/${post}/comments`]) {
      expect((await cleo.get(path)).json.likes.comments, path).to.not.include(comment)
    }
    const [liker, other] = await Promise.all([ann, cleo].map((person) => person.get(`/posts/${post}`, html)))
    expect(liker!.text).to.contain(`/comments/${comment}/unlike`).and.to.match(ONE_LIKE)
    expect(other!.text).to.contain(`/comments/${comment}/like"`).and.to.match(ONE_LIKE)
    expect((await guest.get(`/posts/${post}`, html)).text).to.not.contain(`/comments/${comment}/like"`)
  })

  it('redirects a form to the post', async () => {
    for (const action of ['like', 'unlike']) {
      const answer = await ann.post(`/comments/${comment}/${action}`, {}, form)
      expect(answer).to.include({ status: 303, location: `/posts/${post}` })
    }
  })

  it('sends the like with its user and its comment to the streams of the post on another instance', async () => {
    const stream = await openStream(`${bob.origin}/posts/${post}/stream`)
    await ann.post(`/comments/${comment}/like`)
    const added = await stream.next(({ event }) => event === 'like')
    expect(added.data).to.deep.include({ action: 'added', comment_id: comment, entries: [] })
    expect(added.data.user).to.include({ username: 'ann' })
    expect(added.data.comment).to.include({ id: comment, like_count: 1 })
    expect(added.data.post.comments[0]).to.deep.equal(added.data.comment)
    await ann.post(`/comments/${comment}/unlike`)
    const removed = await stream.next(({ event }) => event === 'like')
    expect(removed.data).to.include({ action: 'removed', comment_id: comment })
    expect(removed.data.comment).to.include({ like_count: 0 })
    stream.close()
  })

  it('sends the like of a comment that the card does not show', async () => {
    for (let n = 0; n < 6; n++) await bob.post(`/posts/${post}/comments`, { body: `no ${n}` })
    const { comments } = (await ann.get(`/posts/${post}`)).json
    const hidden = comments[2].id
    const stream = await openStream(`${bob.origin}/posts/${post}/stream`)
    await ann.post(`/comments/${hidden}/like`)
    const { data } = await stream.next(({ event }) => event === 'like')
    expect(data.post.comments.map(({ id }: { id: string }) => id)).to.not.include(hidden)
    expect(data.comment).to.include({ id: hidden, like_count: 1 })
    stream.close()
  })

  it('lists all likers, newest first, in pages of ten', async () => {
    await database.query(
      `with fans as (
         insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(10, 21) n returning id
       )
       insert into comment_likes (comment_id, user_id, created_at)
       select $1, id, '2026-01-01T00:00:00Z'::timestamptz + id * interval '1 microsecond' from fans`,
      [comment],
    )
    const path = `/comments/${comment}/likers`
    const first = (await guest.get(path)).json as { people: PersonView[]; before: string }
    const next = (await guest.get(`${path}?before=${encodeURIComponent(first.before)}`)).json
    const names = [...first.people, ...next.people].map((person) => person.username)
    expect(names).to.deep.equal(Array.from({ length: 12 }, (_, i) => `fan_${21 - i}`))
    expect(next.before).to.equal(null)
    const page = (await ann.get(path, html)).text
    expect(page).to.contain('fan_21').and.to.contain(`/posts/${post}#comment-${comment}`)
  })

  it('answers 404 for an unknown comment, 401 for an anonymous visitor, and 403 for a wrong token', async () => {
    for (const id of ['999999999', '0', 'x', '9223372036854775808']) {
      expect((await ann.get(`/comments/${id}/likers`)).status).to.equal(404)
      expect((await ann.post(`/comments/${id}/like`)).status).to.equal(404)
      expect((await ann.post(`/comments/${id}/unlike`)).status).to.equal(404)
    }
    expect((await guest.post(`/comments/${comment}/like`)).status).to.equal(401)
    expect((await ann.post(`/comments/${comment}/like`, {}, { csrf: 'no' })).status).to.equal(403)
    expect((await guest.get(`/posts/${post}`)).json.comments[0].like_count).to.equal(0)
  })

  for (const table of ['post', 'comment']) {
    it(`answers 404 for a like that waits while its ${table} is being deleted`, async () => {
      await database.query('begin')
      await database.query(
        table === 'post' ? 'delete from posts where id = $1' : 'delete from comments where id = $1',
        [table === 'post' ? post : comment],
      )
      const late = ann.post(`/comments/${comment}/like`)
      await eventually(() => database.countLockWaits())
      await database.query('commit')
      expect((await late).status).to.equal(404)
    })
  }
})

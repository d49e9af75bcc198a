import { expect } from 'chai'
import type { CommentView } from '../../src/shared/views.ts'
import { eventually } from '../support/eventually.ts'
import type { Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('comments', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  let post: string
  beforeEach(async () => {
    post = (await ann.post('/posts', { body: 'talk to me' })).json.post.id
  })

  const form = { type: 'form' } as const
  const html = { accept: 'text/html' } as const
  const say = async (by: Client, body: string) =>
    (await by.post(`/posts/${post}/comments`, { body })).json.comment as CommentView
  const bodies = (comments: CommentView[]) => comments.map((comment) => comment.body)
  const said = async () => bodies((await guest.get(`/posts/${post}/comments`)).json.comments)

  it('a form writes one and leads to the post; a program gets it', async () => {
    const answer = await bob.post(`/posts/${post}/comments`, { body: 'by form' }, form)
    expect(answer).to.include({ status: 303, location: `/posts/${post}` })
    expect((await guest.get(`/posts/${post}`, html)).text).to.contain('by form')
    const comment = await say(bob, 'by program')
    expect(comment).to.deep.include({ body: 'by program', edited_at: null, like_count: 0 })
    expect(comment.author.username).to.equal('bob')
    expect((await ann.get('/')).json.posts[0]).to.include({ comment_count: 2 })
  })

  it('sending one twice comments once; the key of another post’s comment is refused', async () => {
    const body = { body: 'once', client_key: `key-${post}` }
    const answers = await Promise.all([1, 2, 3].map(() => bob.post(`/posts/${post}/comments`, body)))
    expect(new Set(answers.map(({ json }) => json.comment.id)).size).to.equal(1)
    expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 200, 201])
    expect(await said()).to.deep.equal(['once'])
    expect((await bob.post(`/posts/${post}/comments`, { ...body, body: 'another text' })).status).to.equal(
      422,
    )
    post = (await ann.post('/posts', { body: 'another' })).json.post.id
    expect((await bob.post(`/posts/${post}/comments`, body)).status).to.equal(422)
    expect(await said()).to.deep.equal([])
  })

  it('has 1 to 2,000 characters, and keeps each', async () => {
    for (const body of ['', ' \n ', 'x'.repeat(2001)]) {
      const refused = await bob.post(`/posts/${post}/comments`, { body }, form)
      expect(refused.status).to.equal(422)
      expect(refused.text).to.match(/Please write something|at most 2,000/)
    }
    const body = `${'😀'.repeat(1994)} \r\n\u2028 `
    expect((await say(bob, body)).body).to.equal(body)
    expect(await said()).to.deep.equal([body])
  })

  it('its author edits and deletes it; nobody else does, the post’s author included', async () => {
    const { id } = await say(bob, 'mine')
    for (const what of ['edit', 'delete']) {
      expect((await ann.get(`/comments/${id}/${what}`)).status).to.equal(403)
      expect((await ann.post(`/comments/${id}/${what}`, { body: 'hers' })).status).to.equal(403)
      expect((await guest.post(`/comments/${id}/${what}`, { body: 'x' })).status).to.equal(401)
    }
    expect(await said()).to.deep.equal(['mine'])
    expect((await bob.get(`/comments/${id}/edit`, html)).text).to.contain('mine')
    const edited = await bob.post(`/comments/${id}/edit`, { body: 'still mine' })
    expect(edited.json.comment).to.include({ id, body: 'still mine' })
    expect(edited.json.comment.edited_at).to.be.a('string')
    expect((await bob.post(`/comments/${id}/edit`, { body: '' }, form)).text).to.contain(
      'Please write something',
    )
    expect((await bob.get(`/comments/${id}/delete`, html)).text).to.contain('still mine')
    expect(await bob.post(`/comments/${id}/delete`, {}, form)).to.include({
      status: 303,
      location: `/posts/${post}`,
    })
    expect(await said()).to.deep.equal([])
    expect((await bob.post(`/comments/${id}/delete`)).status).to.equal(404)
  })

  it('are read in pages, the newest page first, the oldest of a page first', async () => {
    await database.query(
      `insert into comments (post_id, author_id, body)
       select $1, (select id from users where username = 'bob'), 'no ' || n from generate_series(1, 105) n`,
      [post],
    )
    const newest = (await guest.get(`/posts/${post}/comments`)).json
    expect(bodies(newest.comments)).to.deep.equal(Array.from({ length: 10 }, (_, i) => `no ${96 + i}`))
    const older = (await guest.get(`/posts/${post}/comments?before=${newest.before}&limit=100`)).json
    expect(bodies(older.comments)).to.deep.equal(Array.from({ length: 95 }, (_, i) => `no ${i + 1}`))
    expect(older.before).to.equal(null)
    const permalink = (await guest.get(`/posts/${post}`)).json
    expect(bodies(permalink.comments)[0]).to.equal('no 6')
    expect(permalink.comments).to.have.length(100)
    const rest = (await guest.get(`/posts/${post}/comments?before=${permalink.before}`, html)).text
    expect(rest).to.contain('no 5').and.not.to.contain('no 6')
  })

  it('a page that is none is 400', async () => {
    for (const query of [
      'before=x',
      'before=0',
      'before=1&before=2',
      'limit=0',
      'limit=101',
      'limit=x',
      'limit=1e1',
    ]) {
      expect((await guest.get(`/posts/${post}/comments?${query}`)).status, query).to.equal(400)
    }
  })

  it('a comment that comes while the post is being deleted finds no post', async () => {
    await database.query('begin')
    await database.query('delete from posts where id = $1', [post])
    const late = bob.post(`/posts/${post}/comments`, { body: 'too late' })
    await eventually(() => database.countLockWaits())
    await database.query('commit')
    expect((await late).status).to.equal(404)
  })
})

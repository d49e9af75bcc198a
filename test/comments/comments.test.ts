import { expect } from 'chai'
import type { CommentView } from '../../src/shared/views.ts'
import { eventually } from '../support/eventually.ts'
import type { Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('comments', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob', 'cleo'] })
  const { ann, bob, cleo } = people
  let post: string
  beforeEach(async () => {
    post = (await ann.post('/posts', { body: 'talk to me' })).json.post.id
  })

  const form = { type: 'form' } as const
  const html = { accept: 'text/html' } as const
  const write = async (by: Client, body: string) =>
    (await by.post(`/posts/${post}/comments`, { body })).json.comment as CommentView
  const bodies = (comments: CommentView[]) => comments.map((comment) => comment.body)
  const shown = async () => bodies((await guest.get(`/posts/${post}/comments`)).json.comments)

  it('redirects a form to the post, and returns the comment as JSON', async () => {
    const answer = await bob.post(`/posts/${post}/comments`, { body: 'by form' }, form)
    expect(answer).to.include({ status: 303, location: `/posts/${post}` })
    expect((await guest.get(`/posts/${post}`, html)).text).to.contain('by form')
    const comment = await write(bob, 'by JSON')
    expect(comment).to.deep.include({ body: 'by JSON', edited_at: null, like_count: 0 })
    expect(comment.author.username).to.equal('bob')
    expect((await ann.get('/')).json.posts[0]).to.include({ comment_count: 2 })
  })

  it('creates a comment once per client_key, and refuses the key for another text or post', async () => {
    const body = { body: 'once', client_key: `key-${post}` }
    const answers = await Promise.all([1, 2, 3].map(() => bob.post(`/posts/${post}/comments`, body)))
    expect(new Set(answers.map(({ json }) => json.comment.id)).size).to.equal(1)
    expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 200, 201])
    expect(await shown()).to.deep.equal(['once'])
    expect((await bob.post(`/posts/${post}/comments`, { ...body, body: 'another text' })).status).to.equal(
      422,
    )
    post = (await ann.post('/posts', { body: 'another' })).json.post.id
    expect((await bob.post(`/posts/${post}/comments`, body)).status).to.equal(422)
    expect(await shown()).to.deep.equal([])
  })

  it('accepts 1 to 2,000 characters and keeps each of them', async () => {
    for (const body of ['', ' \n ', 'x'.repeat(2001)]) {
      const refused = await bob.post(`/posts/${post}/comments`, { body }, form)
      expect(refused.status).to.equal(422)
      expect(refused.text).to.match(/Please write something|at most 2,000/)
    }
    const body = `${'😀'.repeat(1994)} \r\n\u2028 `
    expect((await write(bob, body)).body).to.equal(body)
    expect(await shown()).to.deep.equal([body])
  })

  it('lets only the author edit a comment, and delete it, except for the author of the post', async () => {
    const { id } = await write(bob, 'by bob')
    for (const action of ['edit', 'delete']) {
      expect((await cleo.get(`/comments/${id}/${action}`)).status).to.equal(403)
      expect((await cleo.post(`/comments/${id}/${action}`, { body: 'by cleo' })).status).to.equal(403)
      expect((await guest.post(`/comments/${id}/${action}`, { body: 'x' })).status).to.equal(401)
    }
    expect((await ann.post(`/comments/${id}/edit`, { body: 'by ann' })).status).to.equal(403)
    expect(await shown()).to.deep.equal(['by bob'])
    expect((await bob.get(`/comments/${id}/edit`, html)).text).to.contain('by bob')
    const edited = await bob.post(`/comments/${id}/edit`, { body: 'by bob again' })
    expect(edited.json.comment).to.include({ id, body: 'by bob again' })
    expect(edited.json.comment.edited_at).to.be.a('string')
    expect((await bob.post(`/comments/${id}/edit`, { body: '' }, form)).text).to.contain(
      'Please write something',
    )
    expect((await bob.get(`/comments/${id}/delete`, html)).text).to.contain('by bob again')
    expect(await bob.post(`/comments/${id}/delete`, {}, form)).to.include({
      status: 303,
      location: `/posts/${post}`,
    })
    expect(await shown()).to.deep.equal([])
    expect((await bob.post(`/comments/${id}/delete`)).status).to.equal(404)
  })

  it('lets the author of the post delete comments of others below it, on every page that shows them', async () => {
    const { id } = await write(bob, 'by bob')
    const link = `/comments/${id}/delete`
    for (const path of ['/public', `/posts/${post}`, `/posts/${post}/comments`]) {
      expect((await ann.get(path, html)).text, path).to.contain(link)
      expect((await cleo.get(path, html)).text, path).not.to.contain(link)
    }
    expect((await ann.post(link)).status).to.equal(200)
    expect(await shown()).to.deep.equal([])
  })

  it('lists comments in pages, newest page first, oldest comment of a page first', async () => {
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

  it('answers 400 for an invalid cursor or limit', async () => {
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

  it('answers 404 for a comment that waits while its post is being deleted', async () => {
    await database.query('begin')
    await database.query('delete from posts where id = $1', [post])
    const late = bob.post(`/posts/${post}/comments`, { body: 'too late' })
    await eventually(() => database.countLockWaits())
    await database.query('commit')
    expect((await late).status).to.equal(404)
  })
})

import { expect } from 'chai'
import type { Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('posts', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people

  const form = { type: 'form' } as const
  const html = { accept: 'text/html' } as const
  const write = async (by: Client, body: string) => (await by.post('/posts', { body })).json.post.id as string
  const count = async () => (await database.query(`select from posts`)).length

  it('redirects a form to the home page, and returns the card as JSON', async () => {
    expect(await ann.post('/posts', { body: 'by form' }, form)).to.include({ status: 303, location: '/' })
    expect((await ann.get('/', html)).text).to.contain('by form')
    const answer = await ann.post('/posts', { body: 'by JSON' })
    expect(answer.status).to.equal(201)
    expect(answer.json.post).to.deep.include({
      body: 'by JSON',
      group: null,
      edited_at: null,
      like_count: 0,
      likers: [],
      comment_count: 0,
      comments: [],
    })
    expect(answer.json.post.id).to.match(/^[1-9]\d*$/)
    expect(answer.json.post.author.username).to.equal('ann')
    expect(answer.json.post.entries).to.have.length(2)
  })

  it('creates a post once per client_key, even if it is sent three times at the same moment', async () => {
    const before = await count()
    const body = { body: 'once', client_key: 'key-1' }
    const answers = await Promise.all([1, 2, 3].map(() => ann.post('/posts', body)))
    const ids = new Set(answers.map(({ json }) => json.post.id))
    expect(ids.size).to.equal(1)
    expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 200, 201])
    expect((await ann.post('/posts', body)).json.post.id).to.equal([...ids][0])
    expect(await count()).to.equal(before + 1)
    expect((await bob.post('/posts', body)).status, 'another author may use the same key').to.equal(201)
  })

  it('refuses a client_key that was used for another text, and shows the form again with a new key', async () => {
    await ann.post('/posts', { body: 'the first text', client_key: 'key-2' })
    const before = await count()
    const refused = await ann.post('/posts', { body: 'the second text', client_key: 'key-2' })
    expect(refused.status).to.equal(422)
    expect(refused.json.error.fields).to.include.keys('body', 'client_key')
    const again = await ann.post('/posts', { body: 'the second text', client_key: 'key-2' }, form)
    expect([again.status, again.text.includes('the second text')]).to.deep.equal([422, true])
    expect(await count()).to.equal(before)
    const [, fresh = ''] = /name="client_key" value="([^"]+)"/.exec(again.text) ?? []
    expect(fresh).not.to.be.oneOf(['', 'key-2'])
    expect((await ann.post('/posts', { body: 'the second text', client_key: fresh }, form)).status).to.equal(
      303,
    )
  })

  const bodies: [string, string, number][] = [
    ['an empty text', '', 422],
    ['only white space', ' \n\t\u3000', 422],
    ['5,000 four-byte emoji', '😀'.repeat(5000), 201],
    ['5,001 characters', 'x'.repeat(5001), 422],
    [
      'line breaks, a line separator, markup and template syntax',
      'a\r\nb\rc\u2028d </script> {{7*7}} "\\',
      201,
    ],
    ['white space around the text', '  kept  \n', 201],
    ['a NUL character', 'a\0b', 422],
    ['half a surrogate pair', 'a\udc00b', 422],
  ]
  for (const [name, body, status] of bodies) {
    it(`${status === 201 ? 'keeps' : 'refuses'} ${name}`, async () => {
      const before = await count()
      const answer = await ann.post('/posts', { body })
      expect(answer.status).to.equal(status)
      expect(await count()).to.equal(before + (status === 201 ? 1 : 0))
      if (status !== 201) return
      expect(answer.json.post.body).to.equal(body)
      expect((await guest.get(`/posts/${answer.json.post.id}`)).json.post.body).to.equal(body)
    })
  }

  it('stores the line breaks of a form as LF', async () => {
    await ann.post('/posts', { body: 'one\r\ntwo\r\n\r\nthree', client_key: 'lines' }, form)
    const [row] = await database.query(`select body from posts where client_key = 'lines'`)
    expect(row).to.deep.equal({ body: 'one\ntwo\n\nthree' })
  })

  it('shows an invalid form again with its text and its client_key', async () => {
    const typed = `</textarea>${'x'.repeat(5000)}`
    const refused = await ann.post('/posts', { body: typed, client_key: 'kept-key' }, form)
    expect(refused.status).to.equal(422)
    expect(refused.text).to.contain('A post can have at most 5,000 characters')
    expect(refused.text)
      .to.contain(`&lt;/textarea&gt;${'x'.repeat(5000)}`)
      .and.to.contain('kept-key')
  })

  it('lets the author edit a post, and shows the time of the edit', async () => {
    const id = await write(ann, 'frist')
    expect((await ann.get(`/posts/${id}/edit`, html)).text).to.contain('frist')
    const answer = await ann.post(`/posts/${id}/edit`, { body: 'first' })
    expect(answer.json.post).to.include({ id, body: 'first' })
    expect(answer.json.post.edited_at).to.be.a('string')
    expect(await ann.post(`/posts/${id}/edit`, { body: 'again' }, form)).to.include({
      status: 303,
      location: `/posts/${id}`,
    })
    const refused = await ann.post(`/posts/${id}/edit`, { body: ' ' }, form)
    expect(refused.status).to.equal(422)
    expect(refused.text).to.contain('Please write something')
    expect((await guest.get(`/posts/${id}`)).json.post.body).to.equal('again')
  })

  it('does not let anyone else edit or delete a post', async () => {
    const id = await write(ann, 'by ann')
    for (const action of ['edit', 'delete']) {
      expect((await bob.get(`/posts/${id}/${action}`)).status).to.equal(403)
      expect((await bob.post(`/posts/${id}/${action}`, { body: 'by bob' })).status).to.equal(403)
      expect((await guest.post(`/posts/${id}/${action}`, { body: 'by bob' })).status).to.equal(401)
    }
    expect((await guest.get(`/posts/${id}`)).json.post).to.include({ body: 'by ann', edited_at: null })
  })

  it('lets the author delete a post after a confirmation; the post is then not found', async () => {
    const id = await write(ann, 'short-lived')
    expect((await ann.get(`/posts/${id}/delete`, html)).text).to.contain('short-lived')
    expect((await guest.get(`/posts/${id}`)).status).to.equal(200)
    expect(await ann.post(`/posts/${id}/delete`, {}, form)).to.include({ status: 303, location: '/' })
    expect((await guest.get(`/posts/${id}`)).status).to.equal(404)
    expect((await ann.post(`/posts/${id}/delete`)).status).to.equal(404)
  })

  it('shows a post on its own page with its cursor, its stream and the likes of the viewer', async () => {
    const id = await write(ann, 'linked')
    await bob.post(`/posts/${id}/like`)
    const { json } = await bob.get(`/posts/${id}`)
    const [{ seq } = { seq: '' }] = await database.query(`select max(seq)::text as seq from log`)
    expect(json).to.deep.include({ seq, stream: `/posts/${id}/stream`, comments: [], before: null })
    expect(json.post.entry).to.deep.equal({ at: json.post.created_at, reason: null, actor: null })
    expect(json.likes).to.deep.equal({ posts: [id], comments: [] })
    expect((await guest.get(`/posts/${id}`)).json.likes).to.deep.equal({ posts: [], comments: [] })
    expect((await guest.get(`/posts/${id}`, html)).text).to.contain('linked')
  })

  for (const id of [
    '0',
    '01',
    '-1',
    '1.5',
    'x',
    '0x10',
    '1_000',
    '9223372036854775808',
    '9'.repeat(40),
    '%00',
    '1%2f2',
    '%ZZ',
  ]) {
    it(`does not find /posts/${id.slice(0, 20)}`, async () => {
      expect((await ann.get(`/posts/${id}`)).status).to.be.oneOf([400, 404])
      expect((await ann.post(`/posts/${id}/like`)).status).to.be.oneOf([400, 404])
    })
  }

  it('answers 404 for the greatest possible id', async () => {
    expect((await ann.get('/posts/9223372036854775807')).status).to.equal(404)
  })

  describe('in a group', () => {
    before(async () => {
      await database.query(`
        insert into groups (name, title, visibility)
        values ('open_one', 'Open', 'public'), ('closed_one', 'Closed', 'private');
        insert into subscriptions (user_id, feed_id)
        select u.id, g.feed_id from users u, groups g where u.username = 'ann'`)
    })

    it('lets a member post to the group', async () => {
      const { json, status } = await ann.post('/posts', { body: 'to the group', group: 'Open_One' })
      expect(status).to.equal(201)
      expect(json.post.group).to.include({ name: 'open_one', visibility: 'public' })
    })

    it('does not let other people post to the group, and does not find a private group', async () => {
      const before = await count()
      expect((await bob.post('/posts', { body: 'x', group: 'open_one' })).status).to.equal(422)
      expect((await bob.post('/posts', { body: 'x', group: 'closed_one' })).status).to.equal(404)
      expect((await bob.post('/posts', { body: 'x', group: 'no_such_one' })).status).to.equal(404)
      expect(await count()).to.equal(before)
    })

    it('shows a post in a private group to members only', async () => {
      const { json } = await ann.post('/posts', { body: 'secret', group: 'closed_one' })
      const { id } = json.post as { id: string }
      expect((await ann.get(`/posts/${id}`)).status).to.equal(200)
      expect((await ann.post(`/posts/${id}/comments`, { body: 'a comment' })).status).to.equal(201)
      for (const path of ['', '/comments', '/likers', '/edit', '/delete']) {
        expect((await bob.get(`/posts/${id}${path}`)).status, path).to.equal(404)
      }
      for (const path of ['comments', 'like', 'unlike', 'edit', 'delete']) {
        expect((await bob.post(`/posts/${id}/${path}`, { body: 'x' })).status, path).to.equal(404)
      }
      expect((await guest.get(`/posts/${id}`)).status).to.equal(404)
      expect((await ann.get(`/posts/${id}`)).json.post).to.include({
        body: 'secret',
        like_count: 0,
        comment_count: 1,
      })
    })
  })
})

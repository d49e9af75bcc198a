import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { client } from '../support/http.ts'
import { openStream } from '../support/streams/sse.ts'

describe('authorization', () => {
  const {
    database,
    people: { ann, mallory },
    guest,
  } = useSite({ people: ['ann', 'mallory'] })
  let post: string
  let comment: string
  before(async () => {
    post = (await ann.post('/posts', { body: 'by ann' })).json.post.id
    comment = (await ann.post(`/posts/${post}/comments`, { body: 'comment by ann' })).json.comment.id
  })
  const everything = () => database.query('select p, c from posts p join comments c on c.post_id = p.id')

  it('rejects changes of posts and comments of other users', async () => {
    const before = await everything()
    for (const path of [`/posts/${post}`, `/comments/${comment}`]) {
      for (const verb of ['edit', 'delete']) {
        for (const person of [mallory, guest]) {
          const answer = await person.post(`${path}/${verb}`, { body: 'taken over' })
          expect(answer.status, `${path}/${verb}`).to.be.oneOf(person === guest ? [401] : [403, 404])
        }
        expect((await mallory.get(`${path}/${verb}`)).status).to.be.oneOf([403, 404])
      }
    }
    expect(await everything()).to.deep.equal(before)
  })

  it('lets anonymous visitors read public pages and streams only', async () => {
    for (const path of ['/', '/public', '/users/ann', `/posts/${post}`, '/login', '/register']) {
      expect((await guest.get(path)).status, path).to.equal(200)
    }
    const others = [
      '/settings',
      '/settings/profile',
      '/settings/password',
      '/settings/sessions',
      '/settings/account',
      `/posts/${post}/edit`,
      `/comments/${comment}/delete`,
    ]
    for (const path of others) {
      expect(await guest.get(path, { accept: 'text/html' }), path).to.include({
        status: 303,
        location: `/login?next=${encodeURIComponent(path)}`,
      })
      expect((await guest.get(path)).status, path).to.equal(401)
    }
    for (const path of ['/public/stream', '/users/ann/stream', `/posts/${post}/stream`]) {
      const stream = await openStream(guest.origin + path)
      expect(stream.status, path).to.equal(200)
      stream.close()
    }
    expect((await openStream(`${guest.origin}/stream`)).status).to.equal(401)
  })

  it('rejects every change by anonymous visitors', async () => {
    const before = await everything()
    for (const path of [
      '/posts',
      `/posts/${post}/comments`,
      `/posts/${post}/like`,
      '/users/ann/follow',
      '/settings/profile',
      '/settings/account',
      '/settings/sessions/end',
      '/logout',
    ]) {
      expect((await guest.post(path, { body: 'x', username: 'ann', password: 'x' })).status, path).to.equal(
        401,
      )
      const form = await guest.post(path, { body: 'x' }, { type: 'form' })
      expect(form, path).to.include({ status: 303, location: '/login' })
    }
    expect(await everything()).to.deep.equal(before)
  })

  it('answers 404 for a malformed id', async () => {
    for (const id of [
      '0',
      '-1',
      '01',
      '1e3',
      '0x10',
      '1_000',
      '9223372036854775808',
      '1%00',
      "1'",
      'NaN',
      '१',
    ]) {
      for (const path of [`/posts/${id}`, `/posts/${id}/likers`, `/posts/${id}/stream`]) {
        const response = await fetch(guest.origin + path, { headers: { accept: 'application/json' } })
        expect(response.status, path).to.equal(404)
        await response.body?.cancel()
      }
      expect((await ann.post(`/posts/${id}/like`)).status, id).to.equal(404)
    }
  })

  it('does not redirect to another site after a sign-in', async () => {
    for (const next of [
      '//evil.test',
      '/\\evil.test',
      'javascript:alert(1)',
      '/%09/evil.test',
      'https://evil.test',
    ]) {
      const person = client(guest.origin)
      const answer = await person.post(
        '/login',
        { username: 'ann', password: 'correct horse battery', next },
        { type: 'form' },
      )
      expect(answer, next).to.include({ status: 303, location: '/' })
    }
  })
})

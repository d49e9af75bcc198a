import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { eventually } from '../support/eventually.ts'
import { client, password } from '../support/http.ts'
import { avatarForm, picture } from '../support/pictures.ts'
import { openStream } from '../support/streams/sse.ts'

describe('deleting an account', () => {
  const {
    database,
    people: { ann, bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  let bobs: string
  before(async () => {
    bobs = (await bob.post('/posts', { body: 'by bob' })).json.post.id
    await bob.post('/users/ann/follow')
    await ann.post('/users/bob/follow')
    const own = (await ann.post('/posts', { body: 'by ann' })).json.post.id
    await ann.post(`/posts/${bobs}/like`)
    await ann.post(`/posts/${bobs}/comments`, { body: 'comment by ann' })
    const theirs = (await bob.post(`/posts/${own}/comments`, { body: 'by bob below ann' })).json.comment.id
    await ann.post(`/comments/${theirs}/like`)
    await ann.post('/settings/profile', avatarForm(await picture()))
    await ann.post('/settings/profile', { username: 'annie' })
    for (const name of ['alone', 'together']) {
      await ann.post('/groups', { name, title: name, visibility: 'private' })
    }
    await bob.post('/groups/together/join')
    await ann.post('/groups/together/requests/bob/accept')
    await ann.post('/groups', { name: 'everybody', title: 'Everybody', visibility: 'public' })
    await database.query(`
      insert into posts (author_id, group_id, body)
      select u.id, g.id, 'by bob, who has left' from users u, groups g where u.username = 'bob' and g.name = 'alone'`)
    // More than one chunk of each kind of row.
    await database.query(`
      insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(1, 230) n;
      insert into subscriptions (user_id, feed_id)
      select u.id, a.feed_id from users u, users a where u.username like 'fan%' and a.username = 'annie';
      insert into posts (author_id, body)
      select id, 'many ' || n from users, generate_series(1, 230) n where username = 'annie';
      insert into comments (post_id, author_id, body)
      select ${own}, id, 'from a fan' from users where username like 'fan%'`)
  })

  it('requires the password', async () => {
    for (const wrong of ['not this one', '']) {
      expect((await ann.post('/settings/account', { password: wrong })).status).to.equal(422)
    }
    expect((await ann.get('/users/annie')).status).to.equal(200)
  })

  it('deletes all its rows in chunks, and sends events to open streams', async function () {
    this.timeout(60_000)
    const stream = await openStream(`${guest.origin}/posts/${bobs}/stream`)
    await stream.opened
    const largest = `select coalesce(max(rows), 0)::int as rows from (
      select count(*) as rows from log where event = 'post' and payload ->> 'action' = 'deleted' group by xmin) t`
    const answer = await ann.post('/settings/account', { password })
    expect(answer.status, answer.text).to.equal(200)
    const rowsOfAnn = () => database.query("select from users where username = 'annie'")
    await eventually(rowsOfAnn, (rows) => rows.length === 0, { timeout: 30_000 })
    for (const [table, rest] of Object.entries({
      "users where username in ('ann', 'annie')": 0,
      "names where name in ('ann', 'annie')": 0,
      posts: 1,
      comments: 0,
      post_likes: 0,
      comment_likes: 0,
      images: 0,
      "subscriptions s join users u on u.id = s.user_id join feeds f on f.id = s.feed_id where u.username = 'bob' and s.feed_id <> u.feed_id and f.kind = 'user'": 0,
      'entries e where not exists (select from posts p where p.id = e.post_id)': 0,
      "feeds f where f.kind = 'user' and not exists (select from users u where u.feed_id = f.id)": 0,
      outbox: 0,
      "groups where name = 'alone'": 0,
      "names where name = 'alone'": 0,
      groups: 2,
    })) {
      expect(await database.query(`select from ${table}`), table).to.have.length(rest)
    }
    const [{ rows } = { rows: 0 }] = await database.query<{ rows: number }>(largest)
    expect(rows, 'posts in one transaction').to.be.within(1, 500)
    const card = await stream.next(({ event, data }) => event === 'comment' && data.action === 'deleted')
    expect(card.data.post).to.include({ comment_count: 0 })
    stream.close()
  })

  it('ends all sessions and every way to sign in', async () => {
    expect((await ann.get('/settings/profile')).status).to.equal(401)
    expect((await client(guest.origin).login('annie')).status).to.equal(422)
    for (const name of ['ann', 'annie']) expect((await bob.get(`/users/${name}`)).status, name).to.equal(404)
  })

  it('makes its names available to other users', async () => {
    const other = await client(guest.origin).register('annie')
    expect((await other.get('/users/annie')).json.posts).to.deep.equal([])
  })
})

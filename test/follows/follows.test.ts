import { expect } from 'chai'
import type { PersonView } from '../../src/shared/pages.ts'
import { client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('following', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people

  const form = { type: 'form' } as const
  const followers = async (of: string, by = ann) =>
    (await by.get(`/users/${of}/followers`)).json.people.map((person: PersonView) => person.username)
  const home = async () => (await ann.get('/')).json.posts.map((post: { body: string }) => post.body)

  it('adds the posts of a person to the home page; unfollowing removes them', async () => {
    await bob.post('/posts', { body: 'from bob' })
    expect(await home()).to.deep.equal([])
    expect(await ann.post('/users/bob/follow', {}, form)).to.include({ status: 303, location: '/users/bob' })
    expect((await ann.get('/users/bob', { accept: 'text/html' })).text).to.contain('Followed bob')
    expect(await home()).to.deep.equal(['from bob'])
    expect(await ann.post('/users/BOB/unfollow', {}, form)).to.include({
      status: 303,
      location: '/users/bob',
    })
    expect((await ann.get('/users/bob', { accept: 'text/html' })).text).to.contain('Unfollowed bob')
    expect(await home()).to.deep.equal([])
  })

  it('redirects back to the page with the button, but not to another site', async () => {
    const from = (referer: string) => ann.post('/users/bob/follow', {}, { ...form, headers: { referer } })
    expect((await from(`${guest.origin}/public?before=`)).location).to.equal('/public?before=')
    expect((await from('https://evil.test/trap')).location).to.equal('/users/bob')
  })

  it('changes nothing if it is repeated, and neither does unfollowing', async () => {
    await ann.post('/users/bob/follow')
    const again = await ann.post('/users/bob/follow')
    expect(again.status).to.equal(200)
    expect(again.json.user).to.include({ username: 'bob', followed: true })
    expect(await followers('bob')).to.deep.equal(['ann'])
    expect((await ann.get('/users/bob')).json.user).to.include({ followers: 1, following: 0 })
    await ann.post('/users/bob/unfollow')
    expect((await ann.post('/users/bob/unfollow')).json.user.followed).to.equal(false)
    expect(await followers('bob')).to.deep.equal([])
  })

  it('rejects following and unfollowing oneself', async () => {
    await ann.post('/posts', { body: 'from myself' })
    for (const what of ['follow', 'unfollow']) {
      const answer = await ann.post(`/users/ann/${what}`)
      expect(answer.status).to.equal(422)
      expect(answer.json.error.message).to.match(/yourself/)
    }
    expect(await home()).to.contain('from myself')
    expect(await followers('ann')).to.deep.equal([])
  })

  it('answers 404 or 400 for a username that does not exist', async () => {
    for (const name of ['stranger', 'a', 'ä%00', '..%2fann', '%ZZ']) {
      expect((await ann.post(`/users/${name}/follow`)).status, name).to.be.oneOf([400, 404])
      expect((await ann.get(`/users/${name}`)).status, name).to.be.oneOf([400, 404])
    }
  })

  it('shows on a profile whether the viewer follows the person and is followed back', async () => {
    await bob.post('/users/ann/follow')
    expect((await bob.get('/users/ann')).json.user).to.include({
      followed: true,
      follows_me: false,
      followers: 1,
    })
    expect((await ann.get('/users/bob')).json.user).to.include({
      followed: false,
      follows_me: true,
      following: 1,
    })
    expect((await guest.get('/users/bob')).json.user).to.include({ followed: false, follows_me: false })
    await bob.post('/users/ann/unfollow')
  })

  it('lists followers in pages of ten, newest first, without gaps or repetitions', async () => {
    // All have the same time, so the order is by id.
    await database.query(`
      insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(10, 34) n;
      insert into subscriptions (user_id, feed_id, created_at)
      select u.id, f.feed_id, '2026-01-01T00:00:00.000001Z'
      from users u, users f
      where u.username like 'fan%' and f.username = 'ann'`)
    const seen: string[] = []
    const sizes: number[] = []
    let path: string | null = '/users/ann/followers'
    while (path !== null) {
      const { people, before } = (await ann.get(path)).json as { people: PersonView[]; before: string | null }
      sizes.push(people.length)
      seen.push(...people.map((person) => person.username))
      path = before === null ? null : `/users/ann/followers?before=${encodeURIComponent(before)}`
    }
    expect(sizes).to.deep.equal([10, 10, 5])
    expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, i) => `fan_${34 - i}`))
    expect(
      (await ann.get('/users/fan_10/following')).json.people.map((p: PersonView) => p.username),
    ).to.deep.equal(['ann'])
  })

  it('answers 400 for an invalid page cursor', async () => {
    for (const before of ['x', '1', '2026-02-31T00:00:00.000000Z_1', '2026-01-01T00:00:00.000000Z_0', "'"]) {
      const path = `/users/ann/followers?before=${encodeURIComponent(before)}`
      expect((await ann.get(path)).status, before).to.equal(400)
    }
    expect((await ann.get('/users/ann/followers?before=1&before=2')).status).to.equal(400)
  })

  it('lists suggested and followed people on the home page', async () => {
    const carl = await client(guest.origin).register('carl')
    await carl.post('/users/bob/follow')
    const { people, following } = (await carl.get('/')).json as {
      people: PersonView[]
      following: PersonView[]
    }
    expect(following.map((person) => person.username)).to.deep.equal(['bob'])
    expect(people.map((person) => person.username))
      .to.contain('fan_34')
      .and.not.to.include.members(['bob', 'carl'])
  })
})

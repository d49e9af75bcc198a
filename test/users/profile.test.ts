import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/instance.ts'
import { openStream } from '../support/sse.ts'

describe('a profile', () => {
  const database = useDatabase()
  let instance: Instance
  let ann: Client
  let bob: Client
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
    ann = await client(instance.origin).register('ann')
    bob = await client(instance.origin).register('bob')
  })
  const save = (person: Client, fields: Record<string, unknown>) => person.post('/settings/profile', fields)
  const form = { type: 'form' } as const
  const html = { accept: 'text/html' } as const

  it('is changed with a form, which says so once and shows what was saved', async () => {
    const fields = { username: 'ann', name: '  Ann   of Cleves ', bio: 'A bio\r\nin two lines' }
    expect(await ann.post('/settings/profile', fields, form)).to.include({
      status: 303,
      location: '/settings/profile',
    })
    const page = await ann.get('/settings/profile', html)
    expect(page.text).to.contain('Profile updated').and.to.contain('value="Ann of Cleves"')
    expect((await ann.get('/settings/profile', html)).text).not.to.contain('Profile updated')
    expect((await bob.get('/users/ann')).json.user).to.include({
      name: 'Ann of Cleves',
      bio: 'A bio\nin two lines',
    })
  })

  it('what is not sent stays, and without a name the username is shown', async () => {
    expect((await save(ann, { bio: 'only this' })).json.user).to.include({ name: 'Ann of Cleves' })
    expect((await save(ann, { name: ' ' })).json.user).to.include({ name: 'ann', username: 'ann' })
  })

  const refused: [string, Record<string, unknown>, Record<string, string | RegExp>][] = [
    ['an empty username', { username: '' }, { username: 'Please enter username' }],
    ['somebody’s username', { username: 'BOB' }, { username: 'Username already exists' }],
    ['a reserved one', { username: 'settings' }, { username: 'This username is reserved' }],
    ['one with a space', { username: 'a nn' }, { username: /3 to 15/ }],
    ['a name of 51 characters', { name: 'x'.repeat(51) }, { name: /50/ }],
    ['a bio of 501 characters', { bio: 'x'.repeat(501) }, { bio: /500/ }],
    ['a list', { bio: ['x'] }, { bio: /text/ }],
    ['half a surrogate pair', { name: 'x\ud800' }, { name: /cannot be kept/ }],
  ]
  for (const [what, fields, errors] of refused) {
    it(`${what} is refused beside its field, and what was typed is kept`, async () => {
      const answer = await save(ann, fields)
      expect(answer.status).to.equal(422)
      for (const [name, message] of Object.entries(errors))
        expect(answer.json.error.fields[name]).to.match(new RegExp(message))
      if ('username' in fields) {
        const page = await ann.post('/settings/profile', { name: 'typed <b>', ...fields }, form)
        expect(page.text).to.contain('typed &lt;b&gt;')
      }
      expect((await ann.get('/users/ann')).json.user.name).to.equal('ann')
    })
  }

  it('a change of name is told to everybody’s streams, once, and a change of the bio to none', async () => {
    const stream = await openStream(`${instance.origin}/public/stream`)
    await stream.opened
    await save(ann, { bio: 'quiet' })
    await save(ann, { name: 'Loud Ann' })
    const { data } = await stream.next(({ event }) => event === 'user')
    expect(data).to.include({ username: 'ann', name: 'Loud Ann', avatar: null })
    expect(stream.events.filter(({ event }) => event === 'user')).to.have.length(1)
    stream.close()
  })

  describe('with a new username', () => {
    before(async () => {
      await bob.post('/posts', { body: 'from bob' })
      await save(bob, { username: 'robert' })
    })

    it('is found under it, and the old one leads there, with its lists', async () => {
      expect((await ann.get('/users/robert')).json.user.username).to.equal('robert')
      for (const [old, now] of [
        ['/users/bob', '/users/robert'],
        ['/users/BOB?before=', '/users/robert?before='],
        ['/users/%62ob/followers', '/users/robert/followers'],
        ['/users/bob/following', '/users/robert/following'],
      ] as const) {
        expect(await ann.get(old, html), old).to.include({ status: 303, location: now })
      }
      expect((await ann.post('/users/bob/follow')).json.user.username).to.equal('robert')
    })

    it('streams of the old one go on', async () => {
      const stream = await openStream(`${instance.origin}/users/bob/stream`)
      expect(stream.status).to.equal(200)
      await stream.opened
      await bob.post('/posts', { body: 'from robert' })
      expect((await stream.next(({ event }) => event === 'post')).data.post.body).to.equal('from robert')
      stream.close()
    })

    it('signs in with the new one only', async () => {
      const guest = client(instance.origin)
      expect((await guest.login('bob')).status).to.equal(422)
      expect((await guest.login('robert')).status).to.equal(200)
    })

    it('the old one is somebody else’s as soon as they take it', async () => {
      const other = await client(instance.origin).register('bob', password)
      await other.post('/posts', { body: 'from the other bob' })
      const page = await ann.get('/users/bob')
      expect(page.status).to.equal(200)
      expect(page.json.posts.map((post: { body: string }) => post.body)).to.deep.equal(['from the other bob'])
    })

    it('of two who want one at one instant, one gets it', async () => {
      const answers = await Promise.all([
        save(ann, { username: 'wanted' }),
        save(bob, { username: 'wanted' }),
      ])
      expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 422])
    })
  })
})

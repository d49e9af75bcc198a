import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { client, password, type Client } from '../support/http.ts'
import { openStream } from '../support/streams/sse.ts'

describe('a profile', () => {
  const {
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  const save = (person: Client, fields: Record<string, unknown>) => person.post('/settings/profile', fields)
  const form = { type: 'form' } as const
  const html = { accept: 'text/html' } as const

  it('is changed by a form, which confirms it once and shows the saved values', async () => {
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

  it('keeps fields that are not sent, and shows the username if the name is empty', async () => {
    expect((await save(ann, { bio: 'only this' })).json.user).to.include({ name: 'Ann of Cleves' })
    expect((await save(ann, { name: ' ' })).json.user).to.include({ name: 'ann', username: 'ann' })
  })

  const rejected: [string, Record<string, unknown>, Record<string, string | RegExp>][] = [
    ['an empty username', { username: '' }, { username: 'Please enter username' }],
    ['the username of another user', { username: 'BOB' }, { username: 'Username already exists' }],
    ['a reserved username', { username: 'settings' }, { username: 'This username is reserved' }],
    ['a username with a space', { username: 'a nn' }, { username: /3 to 15/ }],
    ['a name of 51 characters', { name: 'x'.repeat(51) }, { name: /50/ }],
    ['a bio of 501 characters', { bio: 'x'.repeat(501) }, { bio: /500/ }],
    ['a list as bio', { bio: ['x'] }, { bio: /text/ }],
    ['half of a surrogate pair', { name: 'x\ud800' }, { name: /cannot be saved/ }],
  ]
  for (const [description, fields, errors] of rejected) {
    it(`rejects ${description} with a message for the field, and keeps what was typed`, async () => {
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

  it('sends one event to all streams when the name changes, and none when the bio changes', async () => {
    const stream = await openStream(`${instances[0]!.origin}/public/stream`)
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

    it('is found under it; paths with the old one redirect to it', async () => {
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

    it('keeps the stream of the old username working', async () => {
      const stream = await openStream(`${instances[0]!.origin}/users/bob/stream`)
      expect(stream.status).to.equal(200)
      await stream.opened
      await bob.post('/posts', { body: 'from robert' })
      expect((await stream.next(({ event }) => event === 'post')).data.post.body).to.equal('from robert')
      stream.close()
    })

    it('signs in with the new username only', async () => {
      const guest = client(instances[0]!.origin)
      expect((await guest.login('bob')).status).to.equal(422)
      expect((await guest.login('robert')).status).to.equal(200)
    })

    it('gives the old username to the next person who takes it', async () => {
      const other = await client(instances[0]!.origin).register('bob', password)
      await other.post('/posts', { body: 'from the other bob' })
      const page = await ann.get('/users/bob')
      expect(page.status).to.equal(200)
      expect(page.json.posts.map((post: { body: string }) => post.body)).to.deep.equal(['from the other bob'])
    })

    it('gives a username to one of two users who request it at the same time', async () => {
      const answers = await Promise.all([
        save(ann, { username: 'wanted' }),
        save(bob, { username: 'wanted' }),
      ])
      expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 422])
    })
  })
})

import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { client, password } from '../support/http.ts'

describe('accounts', () => {
  const { database, instances } = useSite()
  const guest = () => client(instances[0]!.origin)
  const asForm = { type: 'form' } as const

  it('registers a person by form, redirects to /login and shows the message once', async () => {
    const ann = guest()
    const registered = await ann.post('/register', { username: 'Ann', password }, asForm)
    expect(registered).to.include({ status: 303, location: '/login' })
    expect((await ann.get('/login', { accept: 'text/html' })).text).to.contain(
      'You have been registered, please login',
    )
    expect((await ann.get('/login', { accept: 'text/html' })).text).not.to.contain('have been registered')
    expect(await database.query(`select username from users`)).to.deep.equal([{ username: 'ann' }])
  })

  it('has the username in the form to sign in after a registration, and the focus in the password', async () => {
    const eve = guest()
    await eve.post('/register', { username: 'Eve', password }, asForm)
    const form = (await eve.get('/login', { accept: 'text/html' })).text
    expect(form).to.match(/name="username"[^>]* value="eve"/)
    expect(form).to.match(/name="password"[^>]* autofocus/)
    const other = (await guest().get('/login', { accept: 'text/html' })).text
    expect(other).to.match(/name="username"[^>]* value=""[^>]* autofocus/)
  })

  it('redirects to the home page after a sign-in, and answers 422 to a wrong password', async () => {
    const ann = guest()
    const wrong = await ann.post('/login', { username: 'ann', password: 'not this one' }, asForm)
    expect(wrong.status).to.equal(422)
    expect(wrong.text).to.contain('User not found')
    expect((await ann.get('/', { accept: 'text/html' })).text).not.to.contain('/logout')
    expect(await ann.post('/login', { username: 'ANN', password }, asForm)).to.include({
      status: 303,
      location: '/',
    })
    expect((await ann.get('/', { accept: 'text/html' })).text).to.contain('/logout')
  })

  it('gives the same answer to a wrong password and to an unknown user', async () => {
    const wrong = await guest().post('/login', { username: 'ann', password: 'not this one' })
    const unknown = await guest().post('/login', { username: 'nobody_here', password: 'not this one' })
    expect(wrong.status).to.equal(422)
    expect(unknown.status).to.equal(wrong.status)
    expect(unknown.text).to.equal(wrong.text)
    expect(unknown.json.error.message).to.match(/^User not found: check/)
  })

  it('shows a rejected form again with the username, without the password', async () => {
    const secret = 'sesame sesame'
    const rejected = await guest().post('/register', { username: 'ann', password: secret }, asForm)
    expect(rejected.status).to.equal(422)
    expect(rejected.text).to.contain('Username already exists')
    expect(rejected.text).to.contain('value="ann"')
    expect(rejected.text).not.to.contain(secret)
  })

  for (const path of ['/register', '/login']) {
    it(`${path} requires username and password`, async () => {
      for (const body of [
        {},
        { username: '', password: '' },
        { username: 'ann' },
        { password },
        { username: ' ', password },
      ]) {
        const answer = await guest().post(path, body)
        expect(answer.status, JSON.stringify(body)).to.equal(422)
        expect(answer.json.error.message).to.equal('Please enter username and password')
      }
    })
  }

  it('registers and signs in programs that send JSON', async () => {
    const bob = guest()
    const registered = await bob.post('/register', { username: 'bob', password })
    expect(registered.status).to.equal(201)
    expect(registered.json.user).to.include({ username: 'bob', name: 'bob', avatar: null })
    const signedIn = await bob.login('bob')
    expect(signedIn.status).to.equal(200)
    expect(signedIn.json.user).to.deep.equal(registered.json.user)
    expect((await bob.post('/posts', { body: 'x' }, { csrf: signedIn.json.csrf })).status).to.equal(201)
  })

  it('rejects a username that is the name of a group', async () => {
    await database.query(`insert into groups (name, title) values ('gardeners', 'Gardeners')`)
    const answer = await guest().post('/register', { username: 'gardeners', password })
    expect(answer.json.error.fields).to.deep.equal({ username: 'Username already exists' })
  })

  it('accepts one of several concurrent registrations of the same username', async () => {
    const all = await Promise.all(
      [1, 2, 3, 4].map(() => guest().post('/register', { username: 'racer', password })),
    )
    expect(all.map(({ status }) => status).toSorted()).to.deep.equal([201, 422, 422, 422])
  })

  const names = {
    ab: 422,
    abc: 201,
    abcdefghij_1234: 201,
    abcdefghij_12345: 422,
    'a b c': 422,
    ännchen: 422,
    admin: 422,
  }
  for (const [username, status] of Object.entries(names)) {
    it(`${status === 201 ? 'accepts' : 'rejects'} the username ${username}`, async () => {
      expect((await guest().post('/register', { username, password })).status).to.equal(status)
    })
  }

  const passwords: [string, string, number][] = [
    ['of 7 characters', 'seven77', 422],
    ['of 8 characters', 'eight888', 201],
    ['of 200 four-byte characters', '😀'.repeat(200), 201],
    ['of 201 characters', `${'pass word '.repeat(20)}!`, 422],
    ['of 4 letters with 4 combining accents', 'e\u0301'.repeat(4), 422],
    ['that is the username', 'longenough', 422],
  ]
  for (const [description, secret, status] of passwords) {
    it(`${status === 201 ? 'accepts' : 'rejects'} a password ${description}`, async () => {
      const username = status === 201 ? `user_${secret.length}` : 'longenough'
      expect((await guest().post('/register', { username, password: secret })).status).to.equal(status)
      if (status === 201) expect((await guest().login(username, secret)).status).to.equal(200)
    })
  }

  it('rejects usernames that are not text, or contain NUL or half of a surrogate pair', async () => {
    for (const username of [['ann'], { a: 1 }, 7, null, 'an\0n', 'an\ud800n']) {
      const answer = await guest().post('/register', { username, password })
      expect(answer.status, JSON.stringify(username)).to.equal(422)
      expect(answer.json.error.fields).to.have.property('username')
    }
    const listed = await guest().post('/register', { 'username[]': 'ann', password }, asForm)
    expect(listed.status).to.equal(422)
  })
})

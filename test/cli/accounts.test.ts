import { expect } from 'chai'
import { runCli } from '../support/cli.ts'
import { client, password } from '../support/http.ts'
import { useSite } from '../support/site.ts'
import { openStream } from '../support/streams/sse.ts'

describe('npm run admin', function () {
  this.timeout(20_000)
  const {
    database,
    people: { ann, ben },
    guest,
  } = useSite({ people: ['ann', 'ben', 'dan'], instances: 2 })
  const admin = (args: string[], input?: string) =>
    runCli(args, { env: { DATABASE_URL: database.url }, ...(input === undefined ? {} : { input }) })
  const linkIn = (text: string) => /\/reset-password\?token=[\w-]+/.exec(text)![0]
  const tokenOf = (link: string) => link.split('token=')[1]!
  const actions = async () =>
    (await database.query<{ action: string }>('select action from admin_log order by id')).map(
      ({ action }) => action,
    )

  it('lists its commands with --help, and describes each', async () => {
    const { code, stdout } = await admin(['--help'])
    expect(code).to.equal(0)
    expect(stdout).to.contain('create-user').and.contain('reset-link')
    expect((await admin(['reset-link', '--help'])).stdout).to.contain('--hours <number>')
  })

  it('rejects an unknown command and an unknown account', async () => {
    const unknown = await admin(['destroy'])
    expect(unknown.code).to.equal(1)
    expect(unknown.stderr).to.contain("unknown command 'destroy'")
    expect(await admin(['suspend', 'nobody_here'])).to.include({ code: 1, stderr: 'User not found\n' })
  })

  it('reports a database that has not been migrated', async () => {
    const url = new URL(database.url)
    url.pathname = '/postgres'
    const { code, stderr } = await runCli(['make-admin', 'ann'], { env: { DATABASE_URL: url.href } })
    expect(code).to.equal(1)
    expect(stderr).to.contain('The database has not been migrated')
  })

  it('creates an account whose owner sets the password with a link', async () => {
    const { stdout } = await admin(['create-user', 'Carla'])
    const link = linkIn(stdout)
    expect((await guest.get(link)).json).to.include({ username: 'carla' })
    const set = { token: tokenOf(link), password: 'a password by carla' }
    expect((await client(guest.origin).post('/reset-password', set)).status).to.equal(200)
    expect((await client(guest.origin).login('carla', 'a password by carla')).status).to.equal(200)
  })

  it('creates an account with a password from standard input', async () => {
    expect((await admin(['create-user', 'emil', '--password-stdin'], 'a password by emil\n')).code).to.equal(
      0,
    )
    expect((await client(guest.origin).login('emil', 'a password by emil')).status).to.equal(200)
  })

  it('rejects a taken name, a reserved name and a short password', async () => {
    expect((await admin(['create-user', 'ann'])).stderr).to.equal('Username already exists\n')
    expect((await admin(['create-user', 'support'])).stderr).to.equal('This username is reserved\n')
    const short = await admin(['create-user', 'fritz', '--password-stdin'], 'short')
    expect(short.stderr).to.equal('A password must have at least 8 characters\n')
    expect(await database.query(`select from users where username = 'fritz'`)).to.have.lengthOf(0)
  })

  it('ends the sessions and streams of a suspended account within 2 s on every instance', async () => {
    const other = client(ann.origin)
    await other.login('ben')
    const streams = await Promise.all(
      [ben, other].map((person) =>
        openStream(`${person.origin}/stream`, { headers: { cookie: person.cookie() } }),
      ),
    )
    await Promise.all(streams.map(({ opened }) => opened))
    expect((await admin(['suspend', 'ben', '--reason', 'spam'])).code).to.equal(0)
    const ended = Promise.all(streams.map(({ closed }) => closed)).then(() => true)
    const late = new Promise((resolve) => setTimeout(resolve, 2000, false))
    expect(await Promise.race([ended, late])).to.equal(true)
    for (const person of [ben, other]) expect((await person.get('/settings/sessions')).status).to.equal(401)
    expect((await ann.get('/settings/sessions')).status).to.equal(200)
  })

  it('says that an account is suspended only to a client with its password', async () => {
    const right = await client(guest.origin).login('ben')
    expect(right.status).to.equal(403)
    expect(right.json.error.message).to.contain('This account is suspended')
    const form = await client(guest.origin).post('/login', { username: 'ben', password }, { type: 'form' })
    expect(form.text).to.contain('This account is suspended')
    for (const username of ['ben', 'nobody_here']) {
      const wrong = await client(guest.origin).login(username, 'not the password')
      expect(wrong).to.include({ status: 422 })
      expect(wrong.json.error.message).to.match(/^User not found: check/)
    }
  })

  it('keeps a suspended account suspended after a new password, and lets it sign in after unsuspend', async () => {
    const link = linkIn((await admin(['reset-link', 'ben'])).stdout)
    await client(guest.origin).post('/reset-password', {
      token: tokenOf(link),
      password: 'another one by ben',
    })
    expect((await client(guest.origin).login('ben', 'another one by ben')).status).to.equal(403)
    expect((await admin(['unsuspend', 'ben'])).code).to.equal(0)
    expect((await client(guest.origin).login('ben', 'another one by ben')).status).to.equal(200)
  })

  it('makes admins, and keeps the only one', async () => {
    expect((await admin(['make-admin', 'ann'])).code).to.equal(0)
    expect((await admin(['make-admin', 'ann'])).code).to.equal(1)
    expect((await admin(['suspend', 'ann'])).stderr).to.equal('An admin cannot be suspended\n')
    expect((await admin(['remove-admin', 'ann'])).stderr).to.contain('This is the only admin')
    expect((await admin(['make-admin', 'ben'])).code).to.equal(0)
    expect((await admin(['remove-admin', 'ann'])).code).to.equal(0)
    expect((await admin(['remove-admin', 'ben', '--force'])).code).to.equal(0)
    expect(await database.query('select from users where admin')).to.have.lengthOf(0)
  })

  it('deletes an account with its content after a confirmation, but no admin', async () => {
    const dan = await client(guest.origin).register('gone_soon')
    const { id } = (await dan.post('/posts', { body: 'spam' })).json.post
    const unconfirmed = await admin(['delete-user', 'gone_soon'])
    expect(unconfirmed.code).to.equal(1)
    expect((await guest.get(`/posts/${id}`)).status).to.equal(200)
    await database.query(`update users set admin = true where username = 'dan'`)
    expect((await admin(['delete-user', 'dan', '--yes'])).stderr).to.contain('dan is an admin')
    await database.query(`update users set admin = false where username = 'dan'`)
    expect((await admin(['delete-user', 'gone_soon', '--yes'])).code).to.equal(0)
    for (const path of [`/posts/${id}`, '/users/gone_soon']) {
      expect((await guest.get(path)).status, path).to.equal(404)
    }
    expect((await dan.get('/settings/sessions')).status).to.equal(401)
    expect((await guest.get('/users/dan')).status).to.equal(200)
  })

  it('keeps a log of these commands', async () => {
    expect(await actions()).to.deep.equal([
      'account created',
      'password link created',
      'account created',
      'account suspended',
      'password link created',
      'account unsuspended',
      'admin made',
      'admin made',
      'admin removed',
      'admin removed',
      'account deleted',
    ])
  })
})

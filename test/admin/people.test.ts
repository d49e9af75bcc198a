import { expect } from 'chai'
import { client, type Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'
import { openStream } from '../support/streams/sse.ts'

describe('the accounts, for admins', () => {
  const {
    database,
    instances,
    people: { boss, ann, ben },
    guest,
  } = useSite({ people: ['boss', 'ann', 'ben'], instances: 2 })
  beforeEach(async () => {
    await database.query(`update users set admin = (username = 'boss'), suspended_at = null`)
  })
  const log = () => database.query('select action, detail from admin_log order by id')

  it('are listed, found by name, and shown', async () => {
    const listed = (await boss.get('/admin/people')).json.people
    expect(listed.map(({ username }: { username: string }) => username)).to.deep.equal(['ben', 'ann', 'boss'])
    const found = await boss.get('/admin/people?name=Ann', { accept: 'text/html' })
    expect(found).to.include({ status: 303, location: '/admin/people/ann' })
    const missing = await boss.get('/admin/people?name=nobody_here', { accept: 'text/html' })
    expect(missing.text).to.contain('User not found')
    const shown = await boss.get('/admin/people/ann')
    const page = await boss.get('/admin/people/ann', { accept: 'text/html' })
    expect(page.text).to.contain('action="/admin/people/ann/suspend"').and.not.to.contain('/admin/resign')
    const own = await boss.get('/admin/people/boss', { accept: 'text/html' })
    expect(own.text).to.contain('/admin/resign').and.not.to.contain('/suspend"')
    expect(shown.json.account).to.include({ username: 'ann', admin: false, suspended_at: null, reports: 0 })
  })

  it('are signed out on every instance within 2 s when they are suspended, and their posts stay', async () => {
    const post = (await ann.post('/posts', { body: 'by ann' })).json.post.id
    const sessions: Client[] = []
    for (const { origin } of instances) {
      const session = client(origin)
      await session.login('ann')
      sessions.push(session)
    }
    const streams = await Promise.all(
      sessions.map(({ origin, cookie }) => openStream(`${origin}/stream`, { headers: { cookie: cookie() } })),
    )
    await Promise.all(streams.map(({ opened }) => opened))
    const form = { reason: 'spam' }
    const answer = await boss.post('/admin/people/ann/suspend', form, { type: 'form' })
    expect(answer).to.include({ status: 303, location: '/admin/people/ann' })
    const ended = Promise.all(streams.map(({ closed }) => closed)).then(() => true)
    const late = new Promise((resolve) => setTimeout(resolve, 2000, false))
    expect(await Promise.race([ended, late])).to.equal(true)
    for (const session of sessions) {
      expect((await session.post('/posts', { body: 'still here' })).status).to.equal(401)
    }
    expect((await client(guest.origin).login('ann')).status).to.equal(403)
    expect((await guest.get(`/posts/${post}`)).status).to.equal(200)
    expect((await guest.get('/users/ann')).status).to.equal(200)
    expect((await log()).at(-1)).to.deep.equal({ action: 'account suspended', detail: { reason: 'spam' } })

    expect((await boss.post('/admin/people/ann/suspend')).status).to.equal(422)
    expect((await boss.post('/admin/people/ann/unsuspend')).status).to.equal(200)
    expect((await boss.post('/admin/people/ann/unsuspend')).status).to.equal(422)
    expect((await client(guest.origin).login('ann')).status).to.equal(200)
  })

  it('get no session while they are suspended, whatever inserts it', async () => {
    await database.query(`update users set suspended_at = now() where username = 'ann'`)
    const insert = database.query(
      `insert into sessions (id_hash, user_id, expires_at)
       select 'x', id, now() + interval '1 day' from users where username = 'ann'`,
    )
    const error = await insert.then(
      () => null,
      (thrown: Error) => thrown,
    )
    expect(error?.message).to.equal('the account is suspended')
  })

  it('lose their open reports when they are suspended for them', async () => {
    const { id } = (await ben.post('/users/ann/report', { reason: 'spam' })).json.report
    await boss.post('/admin/people/ann/suspend')
    expect((await boss.get(`/admin/reports/${id}`)).json.report).to.include({ outcome: 'suspended' })
  })

  it('cannot be suspended if they are admins', async () => {
    await database.query(`update users set admin = true where username = 'ben'`)
    for (const name of ['ben', 'boss']) {
      expect((await boss.post(`/admin/people/${name}/suspend`)).status, name).to.equal(422)
    }
    expect(await database.query('select from users where suspended_at is not null')).to.have.lengthOf(0)
  })

  it('can stop being admins, except the last one', async () => {
    expect((await boss.post('/admin/resign')).status).to.equal(403)
    await database.query(`update users set admin = true where username = 'ben'`)
    const answers = await Promise.all([boss, ben].map((person) => person.post('/admin/resign')))
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 403])
    expect(await database.query('select from users where admin')).to.have.lengthOf(1)
  })

  it('are closed to everybody else, and nothing happens', async () => {
    const count = (await log()).length
    for (const person of [ben, guest]) {
      const status = person === guest ? 401 : 403
      for (const path of ['/admin/people', '/admin/people/ann']) {
        expect((await person.get(path)).status, path).to.equal(status)
      }
      for (const path of ['/admin/people/ann/suspend', '/admin/people/ann/unsuspend', '/admin/resign']) {
        expect((await person.post(path)).status, path).to.equal(status)
      }
    }
    expect((await boss.post('/admin/people/ann/suspend', {}, { csrf: null })).status).to.equal(403)
    expect(await database.query('select from users where suspended_at is not null')).to.have.lengthOf(0)
    expect(await log()).to.have.lengthOf(count)
  })
})

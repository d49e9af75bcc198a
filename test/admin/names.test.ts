import { expect } from 'chai'
import { client, password } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('a reserved name', () => {
  const {
    database,
    people: { boss, ann },
    guest,
  } = useSite({ people: ['boss', 'ann', 'mayor'] })
  before(() => database.query(`update users set admin = true where username = 'boss'`))
  const register = (username: string) => client(guest.origin).post('/register', { username, password })

  it('cannot be taken by an account, by a new username or by a group', async () => {
    expect((await boss.post('/admin/names', { name: 'Town_Hall' })).json).to.deep.equal({ name: 'town_hall' })
    const refused = await register('town_hall')
    expect(refused.status).to.equal(422)
    expect(refused.json.error.fields).to.deep.equal({ username: 'This username is reserved' })
    const renamed = await ann.post('/settings/profile', { username: 'town_hall' })
    expect(renamed.json.error.fields).to.deep.equal({ username: 'This username is reserved' })
    const group = { name: 'town_hall', title: 'Town hall', visibility: 'public' }
    expect((await ann.post('/groups', group)).json.error.fields).to.deep.equal({
      name: 'This name is reserved',
    })
    expect((await register('town_hall2')).status).to.equal(201)
  })

  it('stays with an account that has it already', async () => {
    expect((await boss.post('/admin/names', { name: 'mayor' })).status).to.equal(201)
    expect((await client(guest.origin).login('mayor')).status).to.equal(200)
    expect((await register('mayor')).json.error.message).to.equal('Username already exists')
  })

  it('is free again after its release', async () => {
    expect((await boss.post('/admin/names/town_hall/release')).status).to.equal(200)
    expect((await boss.post('/admin/names/town_hall/release')).status).to.equal(404)
    expect((await register('town_hall')).status).to.equal(201)
  })

  it('is rejected if it is always reserved, malformed, or on the list already', async () => {
    for (const name of ['support', 'x', 'two words', '', 'mayor']) {
      expect((await boss.post('/admin/names', { name })).json.error.fields, name).to.have.property('name')
    }
  })

  it('is managed by admins only, in the browser without JavaScript', async () => {
    for (const person of [ann, guest]) {
      const status = person === guest ? 401 : 403
      expect((await person.get('/admin/names')).status).to.equal(status)
      expect((await person.post('/admin/names', { name: 'taken_over' })).status).to.equal(status)
      expect((await person.post('/admin/names/mayor/release')).status).to.equal(status)
    }
    expect((await boss.get('/admin/names')).json.names).to.deep.equal(['mayor'])
    const page = await boss.get('/admin/names', { accept: 'text/html' })
    expect(page.text).to.contain('action="/admin/names/mayor/release"')
    const released = await boss.post('/admin/names/mayor/release', {}, { type: 'form' })
    expect(released).to.include({ status: 303, location: '/admin/names' })
  })
})

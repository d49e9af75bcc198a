import { expect } from 'chai'
import { client, password } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('sign-up', () => {
  const {
    database,
    people: { boss, ann },
    guest,
  } = useSite({ people: ['boss', 'ann'], instances: 2 })
  let count = 0
  before(() => database.query(`update users set admin = true where username = 'boss'`))
  const setMode = async (sign_up: string) => (await boss.post('/admin/sign-up', { sign_up })).status
  const register = (invitation?: string) =>
    client(guest.origin).post('/register', { username: `person_${++count}`, password, invitation })
  const countUsers = async () => (await database.query('select from users')).length
  /** Creates an invitation and returns its secret. */
  async function invite(input: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
    const { invitation } = (await boss.post('/admin/invitations', input)).json
    return { id: invitation.id, secret: invitation.link.split('invitation=')[1] }
  }

  it('is open at first', async () => {
    expect((await guest.get('/register')).json).to.include({ sign_up: 'open', refused: null })
    expect((await register()).status).to.equal(201)
    expect((await register('any text')).status, 'an invitation changes nothing').to.equal(201)
  })

  it('refuses everybody when it is closed, and says so as HTML and as JSON', async () => {
    const { secret } = await invite()
    expect(await setMode('closed')).to.equal(200)
    const before = await countUsers()
    const message = 'Registration is closed on this site.'
    for (const invitation of [undefined, secret]) {
      const refused = await register(invitation)
      expect(refused.status).to.equal(403)
      expect(refused.json.error).to.include({ code: 'forbidden', message })
    }
    expect((await guest.get('/register')).json).to.include({ sign_up: 'closed', refused: message })
    const page = await guest.get('/register', { accept: 'text/html' })
    expect(page.text).to.contain(message).and.not.to.contain('name="password"')
    const sent = await guest.post('/register', { username: 'zoe', password }, { type: 'form' })
    expect(sent.status).to.equal(403)
    expect(sent.text).to.contain(message)
    expect(await countUsers()).to.equal(before)
    expect((await client(guest.origin).login('ann')).status, 'others sign in').to.equal(200)
  })

  it('does not reveal which names are taken when it is closed', async () => {
    const taken = await client(guest.origin).post('/register', { username: 'ann', password })
    const free = await register()
    expect(taken.json).to.deep.equal(free.json)
  })

  it('takes an invitation as often as it is valid, also from many at once', async () => {
    expect(await setMode('invitation')).to.equal(200)
    const { secret } = await invite({ uses: 2, note: 'for friends' })
    const statuses = (await Promise.all([1, 2, 3, 4].map(() => register(secret)))).map(({ status }) => status)
    expect(statuses.sort()).to.deep.equal([201, 201, 403, 403])
    const [shown] = (await boss.get('/admin/sign-up')).json.invitations
    expect(shown).to.include({ note: 'for friends', uses: 2, max_uses: 2, state: 'used' })
  })

  it('does not count a registration that is refused for its name', async () => {
    const { secret } = await invite()
    const taken = { username: 'ann', password, invitation: secret }
    expect((await client(guest.origin).post('/register', taken)).json.error.message).to.equal(
      'Username already exists',
    )
    expect((await register(secret)).status).to.equal(201)
  })

  it('refuses a visitor without a valid invitation', async () => {
    const revoked = await invite()
    expect((await boss.post(`/admin/invitations/${revoked.id}/revoke`)).status).to.equal(200)
    expect((await boss.post(`/admin/invitations/${revoked.id}/revoke`)).status).to.equal(422)
    expect((await boss.post('/admin/invitations/999999/revoke')).status).to.equal(404)
    const expired = await invite()
    await database.query(`update invitations set expires_at = now() where id = $1`, [expired.id])
    const before = await countUsers()
    expect((await register()).json.error.message).to.equal('You need an invitation to register on this site.')
    for (const invitation of [revoked.secret, expired.secret, 'wrong']) {
      const refused = await register(invitation)
      expect(refused.status).to.equal(403)
      expect(refused.json.error.message).to.contain('This invitation is not valid any more')
      const page = await guest.get(`/register?invitation=${invitation}`, { accept: 'text/html' })
      expect(page.text).to.contain('This invitation is not valid any more')
    }
    expect(await countUsers()).to.equal(before)
  })

  it('keeps the invitation in the form, without JavaScript and after an error', async () => {
    const { secret } = await invite()
    const visitor = client(guest.origin)
    const page = await visitor.get(`/register?invitation=${secret}`, { accept: 'text/html' })
    expect(page.text).to.contain(`name="invitation" value="${secret}"`)
    const wrong = { username: 'x', password, invitation: secret }
    const again = await visitor.post('/register', wrong, { type: 'form' })
    expect(again.status).to.equal(422)
    expect(again.text).to.contain(`name="invitation" value="${secret}"`)
    const right = { username: 'invited', password, invitation: secret }
    expect(await visitor.post('/register', right, { type: 'form' })).to.include({ status: 303 })
  })

  it('stores invitations only as hashes, and logs what admins did', async () => {
    const { secret } = await invite()
    const rows = await database.query('select i::text as row from invitations i')
    expect(JSON.stringify(rows)).not.to.contain(secret)
    const actions = await database.query<{ action: string }>('select distinct action from admin_log')
    expect(actions.map(({ action }) => action)).to.include.members([
      'sign-up changed',
      'invitation created',
      'invitation revoked',
    ])
  })

  it('is changed by admins only', async () => {
    const { id } = await invite()
    const mode = (await boss.get('/admin/sign-up')).json.sign_up
    for (const person of [ann, guest]) {
      const status = person === guest ? 401 : 403
      expect((await person.get('/admin/sign-up')).status).to.equal(status)
      expect((await person.post('/admin/sign-up', { sign_up: 'open' })).status).to.equal(status)
      expect((await person.post('/admin/invitations')).status).to.equal(status)
      expect((await person.post(`/admin/invitations/${id}/revoke`)).status).to.equal(status)
    }
    expect((await boss.post('/admin/sign-up', { sign_up: 'open' }, { csrf: null })).status).to.equal(403)
    expect((await boss.post('/admin/sign-up', { sign_up: 'sometimes' })).status).to.equal(422)
    for (const input of [
      { uses: 0 },
      { uses: 1001 },
      { uses: '1e3' },
      { days: 91 },
      { note: 'x'.repeat(101) },
    ]) {
      expect((await boss.post('/admin/invitations', input)).status, JSON.stringify(input)).to.equal(422)
    }
    const { json } = await boss.get('/admin/sign-up')
    expect(json.sign_up).to.equal(mode)
    expect(json.invitations[0]).to.include({ id, state: 'valid' })
  })

  it('is set in the browser without JavaScript', async () => {
    const page = await boss.get('/admin/sign-up', { accept: 'text/html' })
    expect(page.text).to.contain('name="sign_up" value="invitation" checked')
    expect(page.text, 'a time that the script would show as "now"').to.match(/ends \d+ \w{3} \d{4}, /)
    const saved = await boss.post('/admin/sign-up', { sign_up: 'open' }, { type: 'form' })
    expect(saved).to.include({ status: 303, location: '/admin/sign-up' })
    const invited = await boss.post(
      '/admin/invitations',
      { uses: '3', days: '2', note: '' },
      { type: 'form' },
    )
    expect(invited).to.include({ status: 303, location: '/admin/sign-up' })
    expect((await boss.get('/admin/sign-up', { accept: 'text/html' })).text).to.match(
      /Copy this link now.*\/register\?invitation=[\w-]{43}/,
    )
    expect((await register()).status).to.equal(201)
  })
})

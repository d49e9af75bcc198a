import { expect } from 'chai'
import { hashSecret } from '../../src/lib/secrets.ts'
import { client } from '../support/http.ts'
import { useSite } from '../support/site.ts'
import { openStream } from '../support/streams/sse.ts'

describe('a link to set a new password', () => {
  const {
    database,
    people: { ann, ben },
    guest,
  } = useSite({ people: ['ann', 'ben'] })

  async function createLink(username: string, lifetime = '1 hour'): Promise<string> {
    const token = `token-for-${username}-${lifetime.replaceAll(' ', '-')}`
    await database.query(
      `insert into password_resets (hash, user_id, expires_at)
       select $1, id, now() + $2::interval from users where username = $3`,
      [hashSecret(token), lifetime, username],
    )
    return token
  }
  const set = (token: string, chosen: string) =>
    client(guest.origin).post('/reset-password', { token, password: chosen })

  it('sets the password once, and ends all sessions and streams of its user only', async () => {
    const token = await createLink('ann')
    const mine = await openStream(`${ann.origin}/stream`, { headers: { cookie: ann.cookie() } })
    await mine.opened
    expect((await set(token, 'a fresh password')).status).to.equal(200)
    await mine.closed
    expect((await ann.get('/settings/sessions')).status).to.equal(401)
    expect((await ben.get('/settings/sessions')).status).to.equal(200)
    expect((await client(guest.origin).login('ann')).status).to.equal(422)
    expect((await client(guest.origin).login('ann', 'a fresh password')).status).to.equal(200)
    expect((await set(token, 'yet another one')).status).to.equal(404)
    expect((await client(guest.origin).login('ann', 'a fresh password')).status).to.equal(200)
  })

  it('is not valid after its time, nor with another token', async () => {
    const token = await createLink('ben', '-1 second')
    for (const wrong of [token, 'another token', '']) {
      expect((await set(wrong, 'a fresh password')).status, wrong).to.equal(404)
      const page = await guest.get(`/reset-password?token=${wrong}`, { accept: 'text/html' })
      expect(page.status).to.equal(404)
      expect(page.text).to.contain('This link is not valid any more')
    }
    expect((await client(guest.origin).login('ben')).status).to.equal(200)
  })

  it('stays valid after a password that is refused, which the page explains', async () => {
    const token = await createLink('ben')
    const shown = await guest.get(`/reset-password?token=${token}`, { accept: 'text/html' })
    expect(shown.text).to.contain('@ben')
    for (const [chosen, message] of [
      ['short', 'A password must have at least 8 characters'],
      ['', 'Please enter a new password'],
    ]) {
      const visitor = client(guest.origin)
      await visitor.get(`/reset-password?token=${token}`)
      const page = await visitor.post('/reset-password', { token, password: chosen }, { type: 'form' })
      expect(page.status).to.equal(422)
      expect(page.text).to.contain(message).and.contain(`name="token" value="${token}"`)
    }
    expect((await set(token, 'a fresh password')).status).to.equal(200)
  })

  it('is stored only as a hash, and its page is not cached', async () => {
    const token = await createLink('ann', '2 hours')
    const rows = await database.query('select r::text as row from password_resets r')
    expect(JSON.stringify(rows)).not.to.contain(token)
    const page = await guest.get(`/reset-password?token=${token}`, { accept: 'text/html' })
    expect(page.headers.get('cache-control')).to.equal('no-store')
  })
})

import { expect } from 'chai'
import { useSite } from '../support/site.ts'

describe('the log of admins', () => {
  const {
    database,
    people: { ann, ben },
    guest,
  } = useSite({ people: ['ann', 'ben'] })
  before(async () => {
    await database.query(`update users set admin = true where username = 'ann'`)
    await database.query(
      `insert into admin_log (by_command, action, user_id, detail)
       select true, 'account suspended', u.id, jsonb_build_object('reason', 'reason ' || n)
       from users u, generate_series(1, 12) n
       where u.username = 'ben'`,
    )
  })

  it('is shown to admins, newest first, in pages', async () => {
    const { json } = await ann.get('/admin/log')
    expect(json.entries).to.have.lengthOf(10)
    expect(json.entries[0]).to.deep.include({ action: 'account suspended', detail: { reason: 'reason 12' } })
    const older = await ann.get(`/admin/log?before=${encodeURIComponent(json.before)}`)
    expect(older.json.entries.map((entry: { detail: unknown }) => entry.detail)).to.deep.equal([
      { reason: 'reason 2' },
      { reason: 'reason 1' },
    ])
    expect(older.json.before).to.equal(null)
    const page = await ann.get('/admin/log', { accept: 'text/html' })
    expect(page.text).to.contain('Account suspended').and.contain('reason 12')
    expect(page.headers.get('cache-control')).to.equal('no-store')
  })

  it('is not shown to others', async () => {
    for (const path of ['/admin', '/admin/log']) {
      expect((await ben.get(path)).status, path).to.equal(403)
      expect((await guest.get(path)).status, path).to.equal(401)
    }
  })

  it('is closed to an admin from the moment of the removal', async () => {
    await database.query(`update users set admin = false where username = 'ann'`)
    expect((await ann.get('/admin/log')).status).to.equal(403)
  })
})

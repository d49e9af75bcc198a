import argon2 from 'argon2'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

const newPassword = 'a new one, and long'

describe('a password change', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let count = 0
  let name: string
  let owner: Client
  before(async () => {
    ;[one, two] = await Promise.all([
      startInstance({ databaseUrl: database.url }),
      startInstance({ databaseUrl: database.url }),
    ])
  })
  beforeEach(async () => {
    name = `owner_${++count}`
    owner = await client(one.origin).register(name)
  })

  const change = (person: Client, to: string) =>
    person.post('/settings/password', { old_password: password, password: to })
  const waiting = (number: number) =>
    eventually(
      () => database.countLockWaits(),
      (waiters) => waiters >= number,
    )
  const sessions = () =>
    database.query(`select from sessions where user_id = (select id from users where username = $1)`, [name])
  const account = async () => {
    const [row] = await database.query<{ password_hash: string; password_version: number }>(
      `select password_hash, password_version from users where username = $1`,
      [name],
    )
    return row!
  }

  /** Blocks every change of sessions until the returned function is called. */
  async function holdSessions(): Promise<() => Promise<unknown>> {
    await database.query('begin')
    await database.query('lock table sessions in share mode')
    return () => database.query('commit')
  }

  it('rejects a sign-in that verified the old password on another instance before the change was committed', async () => {
    const guest = client(two.origin)
    await Promise.all([guest.csrf(), owner.csrf()])
    const release = await holdSessions()
    const changed = change(owner, newPassword)
    await waiting(1)
    const late = guest.login(name)
    await waiting(2)
    await release()
    expect((await changed).status).to.equal(200)
    const rejected = await late
    expect(rejected.status).to.equal(422)
    expect(rejected.json.error).to.deep.include({
      message: 'User not found: check the username and the password.',
      fields: { username: 'User not found: check the username and the password.' },
    })
    expect(await sessions(), 'only the session that changed the password is left').to.have.length(1)
    expect((await guest.get('/')).json.stream).to.equal('/public/stream')
    expect((await guest.login(name, newPassword)).status).to.equal(200)
  })

  it('in psql rejects such a sign-in too', async () => {
    const guest = client(two.origin)
    await guest.csrf()
    await database.query('begin')
    await database.query('lock table sessions in share mode')
    await database.query(`update users set password_hash = 'reset' where username = $1`, [name])
    const late = guest.login(name)
    await waiting(1)
    await database.query(`delete from sessions where user_id = (select id from users where username = $1)`, [
      name,
    ])
    await database.query('commit')
    expect((await late).status).to.equal(422)
    expect(await sessions()).to.have.length(0)
  })

  it('rejects a second change that verified the same old password', async () => {
    const thief = client(two.origin)
    await thief.login(name)
    await Promise.all([thief.csrf(), owner.csrf()])
    const release = await holdSessions()
    const changed = change(owner, newPassword)
    await waiting(1)
    const late = change(thief, 'the password of a thief')
    await waiting(2)
    await release()
    expect((await changed).status).to.equal(200)
    const rejected = await late
    expect(rejected.status).to.equal(422)
    expect(rejected.json.error.fields).to.deep.equal({ old_password: 'This is not your password' })
    expect((await client(one.origin).login(name, newPassword)).status).to.equal(200)
  })

  it('rejects a deletion of the account that verified the old password', async () => {
    const thief = client(two.origin)
    await thief.login(name)
    await Promise.all([thief.csrf(), owner.csrf()])
    const release = await holdSessions()
    const changed = change(owner, newPassword)
    await waiting(1)
    const late = thief.post('/settings/account', { password })
    await waiting(2)
    await release()
    expect((await changed).status).to.equal(200)
    const rejected = await late
    expect(rejected.status).to.equal(422)
    expect(rejected.json.error.fields).to.deep.equal({ password: 'This is not your password' })
    expect((await client(one.origin).login(name, newPassword)).status).to.equal(200)
  })

  it('keeps its hash when a sign-in upgrades the old hash at the same time', async () => {
    const weak = await argon2.hash(password, { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    await database.query(`update users set password_hash = $2 where username = $1`, [name, weak])
    const guest = client(two.origin)
    await guest.csrf()
    await database.query('begin')
    await database.query(`update users set password_hash = 'reset' where username = $1`, [name])
    const late = guest.login(name)
    await waiting(1)
    await database.query('commit')
    expect((await late).status).to.equal(422)
    expect((await account()).password_hash).to.equal('reset')
  })

  it('increments the version, also in psql; other changes and a hash upgrade at sign-in do not', async () => {
    expect((await account()).password_version).to.equal(1)
    expect((await change(owner, newPassword)).status).to.equal(200)
    expect((await account()).password_version).to.equal(2)
    const weak = await argon2.hash(password, { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    await database.query(`update users set password_hash = $2 where username = $1`, [name, weak])
    expect((await account()).password_version, 'psql').to.equal(3)
    await database.query(
      `update users set bio = 'hello', password_hash = password_hash where username = $1`,
      [name],
    )
    expect((await account()).password_version, 'the same hash').to.equal(3)
    expect((await client(two.origin).login(name)).status).to.equal(200)
    const raised = await account()
    expect(raised.password_hash).not.to.equal(weak)
    expect(raised.password_version, 'a hash upgrade').to.equal(3)
  })
})

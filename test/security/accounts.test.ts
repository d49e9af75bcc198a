import argon2 from 'argon2'
import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { client, password } from '../support/http.ts'

describe('passwords of accounts', () => {
  const { database, guest } = useSite()
  before(async () => {
    await client(guest.origin).register('ann')
  })

  it('cannot be one of the 3,000 most common ones at registration, in upper or lower case', async () => {
    for (const common of ['password1', 'PassWord1', '12345678', 'iloveyou', 'qwertyuiop', '13101988']) {
      const answer = await client(guest.origin).post('/register', {
        username: 'victim',
        password: common,
      })
      expect(answer.status, common).to.equal(422)
      expect(answer.json.error.fields.password).to.match(/most common/)
    }
  })

  it('cannot be changed to a common one, to the username or to a short one', async () => {
    const bob = await client(guest.origin).register('bob_the_builder')
    for (const weak of ['password1', 'Bob_The_Builder', 'short']) {
      const answer = await bob.post('/settings/password', { old_password: password, password: weak })
      expect(answer.status, weak).to.equal(422)
      expect(answer.json.error.fields).to.have.property('password')
    }
  })

  it('do not show which usernames exist: a wrong password and an unknown username get the same answer', async () => {
    const [wrong, unknown] = await Promise.all(
      ['ann', 'nobody_here'].map((name) => client(guest.origin).login(name, 'not the password')),
    )
    expect(unknown).to.deep.include({ status: wrong!.status, text: wrong!.text })
  })

  it('get a hash with the current parameters at the next sign-in', async () => {
    const weak = await argon2.hash(password, {
      type: argon2.argon2id,
      memoryCost: 8192,
      timeCost: 1,
      parallelism: 1,
    })
    await database.query(`insert into users (username, password_hash) values ('old_hand', $1)`, [weak])
    const hash = async () =>
      (
        await database.query<{ hash: string }>(
          `select password_hash as hash from users where username = 'old_hand'`,
        )
      )[0]!.hash
    expect((await client(guest.origin).login('old_hand', 'not the password')).status).to.equal(422)
    expect(await hash(), 'a wrong password changes nothing').to.equal(weak)
    expect((await client(guest.origin).login('old_hand')).status).to.equal(200)
    expect(await hash()).to.match(/^\$argon2id\$v=19\$(?=.*m=19456)(?=.*t=2)(?=.*p=1)/)
    const raised = await hash()
    expect((await client(guest.origin).login('old_hand')).status).to.equal(200)
    expect(await hash(), 'a later sign-in changes nothing').to.equal(raised)
  })

  it('never match an account whose password_hash is not an argon2 hash', async () => {
    for (const [n, hash] of [
      '',
      '!',
      '$2b$10$abcdefghijklmnopqrstuv',
      '$argon2id$v=19$m=1',
      '$argon2x$v=19$m=1,t=1,p=1$c29tZXNhbHQ$c29tZWhhc2g',
    ].entries()) {
      await database.query(`insert into users (username, password_hash) values ($1, $2)`, [
        `locked_${n}`,
        hash,
      ])
      const answer = await client(guest.origin).login(`locked_${n}`, password)
      expect(answer.status, hash).to.equal(422)
      expect(answer.json.error.message).to.match(/^User not found: check/)
    }
  })

  it('match in either Unicode normalization form', async () => {
    const composed = 'cr\u00e8me br\u00fbl\u00e9e'
    const carla = client(guest.origin)
    await carla.post('/register', { username: 'carla', password: composed })
    expect((await client(guest.origin).login('carla', composed.normalize('NFD'))).status).to.equal(200)
    expect((await client(guest.origin).login('carla', 'creme brulee')).status).to.equal(422)
  })
})

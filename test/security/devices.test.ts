import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { client, password, type TestResponse, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

const COOKIE = 'koafeed-device'

describe('a device cookie', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let count = 0
  let name: string
  let jar: Map<string, string>
  let owner: Client
  before(async () => {
    const options = { databaseUrl: database.url, env: { LIMITS: 'signups=0', TRUSTED_PROXIES: '1' } }
    ;[one, two] = await Promise.all([startInstance(options), startInstance(options)])
  })
  beforeEach(async () => {
    await database.query('delete from throttles')
    name = `owner_${++count}`
    jar = new Map()
    owner = await client(one.origin, jar).register(name)
    await database.query('delete from throttles')
  })

  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
  const signIn = (person: Client, username: string, secret: string, address = '192.0.2.200') =>
    person.post('/login', { username, password: secret }, from(address))
  const stranger = (origin = one.origin) => client(origin)
  const newDevice = (username: string, secret = 'not this one', address = '192.0.2.200') =>
    signIn(stranger(), username, secret, address)
  const statuses = (answers: TestResponse[]) => answers.map(({ status }) => status)
  const repeated = (status: number, number: number) => Array.from({ length: number }, () => status)
  async function inTurn(number: number, attempt: (n: number) => Promise<TestResponse>): Promise<number[]> {
    const answers: TestResponse[] = []
    for (let n = 0; n < number; n++) answers.push(await attempt(n))
    return statuses(answers)
  }
  const counted = async (prefix: string) => {
    const [row] = await database.query<{ hits: number }>(
      `select coalesce(sum(hits), 0)::int as hits from throttles where starts_with(key, $1)`,
      [prefix],
    )
    return row!.hits
  }
  /** Sends 25 wrong guesses from three addresses, so that the account rejects new devices for an hour. */
  async function lockOut(username: string): Promise<void> {
    await database.query('delete from throttles')
    expect(await inTurn(25, (n) => newDevice(username, 'not this one', `192.0.2.${n % 3}`))).to.deep.equal(
      repeated(422, 25),
    )
    expect((await newDevice(username, password, '192.0.2.9')).status, 'a new device').to.equal(429)
  }
  const signOut = async (person: Client) => expect((await person.post('/logout')).status).to.equal(200)
  const cookieIn = (answer: TestResponse, start = `${COOKIE}=`) =>
    answer.headers.getSetCookie().find((line) => line.startsWith(start))

  it('is set by a sign-in for a year, and is not available to scripts and other sites', async () => {
    await signOut(owner)
    const cookie = cookieIn(await signIn(owner, name, password))
    const expires = Date.parse(/expires=([^;]+)/i.exec(cookie ?? '')?.[1] ?? '')
    expect((expires - Date.now()) / 86_400_000).to.be.within(364, 366)
    expect(cookie)
      .to.match(/; httponly/i)
      .and.to.match(/; samesite=lax/i)
      .and.to.match(/; path=\/(;|$)/i)
    expect(cookieIn(await newDevice(name)), 'a rejected sign-in does not set it').to.equal(undefined)
  })

  it('is secure and host-bound behind TLS', async () => {
    const env = { PUBLIC_ORIGIN: 'https://feed.test' }
    const instance = await startInstance({ databaseUrl: database.url, env })
    const answer = await signIn(stranger(instance.origin), name, password)
    for (const start of [`__Host-${COOKIE}=`, `__Host-${COOKIE}.sig=`]) {
      expect(cookieIn(answer, start), start)
        .to.match(/; secure/i)
        .and.to.match(/; path=\/(;|$)/i)
        .and.not.to.match(/domain/i)
    }
  })

  it('lets the owner sign in on every instance while guesses lock out new devices', async () => {
    await signOut(owner)
    expect([...jar.keys()], 'signing out keeps it').to.include(COOKIE)
    await lockOut(name)
    expect((await signIn(owner.at(two.origin), name, password)).status).to.equal(200)
  })

  it('lets the owner sign in from an address that has no attempts left', async () => {
    await signOut(owner)
    await inTurn(11, (n) => newDevice(`name_${n}`))
    expect((await newDevice('someone', password)).status, 'a new device').to.equal(429)
    expect((await signIn(owner, name, password)).status).to.equal(200)
  })

  it('allows ten attempts per hour, which do not count for other devices', async () => {
    const other = client(one.origin)
    await signIn(other, name, password, '192.0.2.50')
    await Promise.all([signOut(owner), signOut(other)])
    await database.query('delete from throttles')
    const guess = (n: number) => signIn(n % 2 ? owner : owner.at(two.origin), name, 'wrong', `192.0.2.${n}`)
    expect(await inTurn(11, guess)).to.deep.equal([...repeated(422, 10), 429])
    const rejected = await signIn(owner, name, password)
    expect(rejected.status, 'even with the right password').to.equal(429)
    expect(Number(rejected.headers.get('retry-after'))).to.be.within(3500, 3600)
    expect(await counted('account:'), 'attempts of new devices').to.equal(0)
    expect((await signIn(other, name, password)).status, 'another device of the owner').to.equal(200)
    expect((await newDevice(name, password)).status, 'a new device').to.equal(200)
  })

  it('is replaced by each sign-in, which resets its attempts', async () => {
    await signOut(owner)
    const first = jar.get(COOKIE)
    await inTurn(9, () => signIn(owner, name, 'wrong'))
    expect((await signIn(owner, name, password)).status).to.equal(200)
    expect(jar.get(COOKIE)).not.to.equal(first)
    await signOut(owner)
    await database.query(`delete from throttles where key like 'signins:%'`)
    expect(await inTurn(9, () => signIn(owner, name, 'wrong'))).to.deep.equal(repeated(422, 9))
  })

  it('limits successful sign-ins to ten in three minutes per address and account', async () => {
    const repeat = async () => {
      const answer = await signIn(owner, name, password)
      if (answer.status === 200) await owner.post('/logout')
      return answer
    }
    await signOut(owner)
    expect(await inTurn(11, repeat)).to.deep.equal([...repeated(200, 10), 429])
  })

  it('is valid only for the account that it was issued for', async () => {
    const victim = `victim_${count}`
    await client(one.origin).register(victim)
    await lockOut(victim)
    await signOut(owner)
    expect((await signIn(owner, victim, password, '192.0.2.10')).status).to.equal(429)
  })

  it('is ignored without its signature or with another value', async () => {
    await signOut(owner)
    await lockOut(name)
    const value = jar.get(COOKIE)!
    const signature = jar.get(`${COOKIE}.sig`)!
    const text = Buffer.from(value, 'base64url').toString()
    const changed = Buffer.from(
      text.replace(/(?<="nonce":")./, (letter) => (letter === '_' ? 'x' : '_')),
    ).toString('base64url')
    expect(changed).not.to.equal(value)
    const jars: [string, string][][] = [
      [[COOKIE, value]],
      [
        [COOKIE, value],
        [`${COOKIE}.sig`, 'x'.repeat(27)],
      ],
      [
        [COOKIE, changed],
        [`${COOKIE}.sig`, signature],
      ],
    ]
    for (const cookies of jars) {
      const thief = client(one.origin, new Map(cookies))
      expect((await signIn(thief, name, password, '192.0.2.11')).status).to.equal(429)
    }
    const whole = client(
      one.origin,
      new Map([
        [COOKIE, value],
        [`${COOKIE}.sig`, signature],
      ]),
    )
    expect((await signIn(whole, name, password, '192.0.2.11')).status).to.equal(200)
  })

  it('becomes invalid with a password change; the browser that changed it gets a new one', async () => {
    const other = client(one.origin)
    await signIn(other, name, password, '192.0.2.50')
    const changed = await owner.post('/settings/password', {
      old_password: password,
      password: 'a new one, and long',
    })
    expect(changed.status).to.equal(200)
    expect(cookieIn(changed)).to.be.a('string')
    await signOut(owner)
    await lockOut(name)
    expect((await signIn(other, name, 'a new one, and long', '192.0.2.12')).status).to.equal(429)
    expect((await signIn(owner, name, 'a new one, and long', '192.0.2.12')).status).to.equal(200)
  })

  it('becomes invalid when psql sets a password', async () => {
    await signOut(owner)
    await lockOut(name)
    await database.query(`update users set password_hash = 'reset' where username = $1`, [name])
    expect((await signIn(owner, name, password, '192.0.2.13')).status).to.equal(429)
  })

  it('holds the four accounts that signed in last', async () => {
    const names = [name]
    await signOut(owner)
    for (let n = 0; n < 4; n++) {
      const next = `family_${count}_${n}`
      names.push(next)
      await client(one.origin, jar).register(next)
      await signOut(client(one.origin, jar))
    }
    expect(Buffer.from(jar.get(COOKIE)!, 'base64url').toString().match(/nonce/g)).to.have.length(4)
    await database.query('delete from throttles')
    const guessed = await Promise.all(names.map((each, n) => signIn(owner, each, 'wrong', `192.0.2.${n}`)))
    expect(statuses(guessed)).to.deep.equal(repeated(422, 5))
    expect(await counted('device:')).to.equal(4)
    expect(await counted(`account:${name}`), 'the oldest one counts as new').to.equal(1)
  })

  it('is not implied by the address: a new browser at the owner’s address counts as new', async () => {
    await lockOut(name)
    expect((await newDevice(name, password, '127.0.0.1')).status).to.equal(429)
  })

  it('follows LIMITS: another number of attempts, or no limit', async () => {
    for (const [LIMITS, expected] of [
      ['signins=3', [...repeated(422, 3), 429]],
      ['signins=0', repeated(422, 12)],
    ] as const) {
      const instance = await startInstance({
        databaseUrl: database.url,
        env: { LIMITS, TRUSTED_PROXIES: '1' },
      })
      const device = client(instance.origin)
      await signIn(device, name, password)
      await signOut(device)
      const guess = (n: number) => signIn(device, name, 'wrong', `192.0.2.${n}`)
      expect(await inTurn(expected.length, guess), LIMITS).to.deep.equal(expected)
    }
  })

  describe('and an open session', () => {
    const change = (person: Client, old_password: string) =>
      person.post('/settings/password', { old_password, password: 'a new one, and long' })

    it('let the owner change the password while guesses lock out new devices', async () => {
      await lockOut(name)
      expect((await change(owner, password)).status).to.equal(200)
    })

    it('allow 25 guesses per hour, which do not count for other sessions and devices', async () => {
      const other = client(two.origin)
      await signIn(other, name, password)
      expect(await inTurn(26, () => change(owner, 'wrong'))).to.deep.equal([...repeated(422, 25), 429])
      expect((await newDevice(name)).status).to.equal(422)
      expect((await change(other, 'wrong')).status).to.equal(422)
      expect((await change(other, password)).status).to.equal(200)
    })
  })
})

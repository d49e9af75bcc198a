import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'
import { openStream, type TestStream } from '../support/streams/sse.ts'

describe('a stolen session', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let count = 0
  /** The owner uses one instance, the thief the other; each has a stream. */
  let owner: Client
  let thief: Client
  let mine: TestStream
  let theirs: TestStream
  const streams: TestStream[] = []
  before(async () => {
    ;[one, two] = await Promise.all([
      startInstance({ databaseUrl: database.url }),
      startInstance({ databaseUrl: database.url }),
    ])
  })
  beforeEach(async () => {
    const name = `owner_${++count}`
    owner = await client(one.origin).register(name)
    thief = client(two.origin)
    await thief.login(name)
    mine = await open(owner, '/stream')
    theirs = await open(thief, '/stream')
  })
  after(() => streams.forEach((stream) => stream.close()))

  async function open(person: Client, path: string): Promise<TestStream> {
    const stream = await openStream(person.origin + path, { headers: { cookie: person.cookie() } })
    streams.push(stream)
    await stream.opened
    return stream
  }
  const signedIn = async (person: Client) => (await person.get('/')).json.stream === '/stream'
  const within = (stream: TestStream, ms: number) =>
    Promise.race([stream.closed.then(() => true), new Promise((resolve) => setTimeout(resolve, ms, false))])

  /** Checks that the thief is signed out within two seconds, and that the owner's session and stream still work. */
  async function expectOnlyOwner(): Promise<void> {
    expect(await within(theirs, 2000), 'the thief’s stream is closed within 2 s').to.equal(true)
    expect(await signedIn(thief)).to.equal(false)
    expect(await signedIn(owner)).to.equal(true)
    await owner.post('/posts', { body: 'still here' })
    expect((await mine.next(({ event }) => event === 'post')).data.post.body).to.equal('still here')
    expect(theirs.events.filter(({ event }) => event === 'post')).to.deep.equal([])
  }

  it('ends on every instance when the owner changes the password', async () => {
    const changed = await owner.post('/settings/password', {
      old_password: password,
      password: 'a new one, and long',
    })
    expect(changed.status, changed.text).to.equal(200)
    await expectOnlyOwner()
    const again = client(two.origin)
    const name = `owner_${count}`
    expect((await again.login(name)).status, 'the old password').to.equal(422)
    expect((await again.login(name, 'a new one, and long')).status).to.equal(200)
  })

  it('cannot set a new password without the old one', async () => {
    for (const old_password of ['not this one', '', undefined]) {
      const answer = await thief.post('/settings/password', { old_password, password: 'a new one, and long' })
      expect(answer.status).to.equal(422)
      expect(answer.json.error.fields).to.have.property('old_password')
    }
    const page = await thief.post(
      '/settings/password',
      { old_password: 'canary-old-password', password: 'canary-new-password' },
      { type: 'form' },
    )
    expect(page.status).to.equal(422)
    expect(page.text).to.contain('This is not your password').and.not.to.contain('canary-')
    expect((await client(one.origin).login(`owner_${count}`)).status).to.equal(200)
  })

  it('ends when the owner ends all other sessions', async () => {
    expect((await owner.post('/settings/sessions/end')).status).to.equal(200)
    await expectOnlyOwner()
  })

  it('is listed in the settings, where the owner can end it alone', async () => {
    const third = client(one.origin)
    await third.post(
      '/login',
      { username: `owner_${count}`, password },
      {
        headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
      },
    )
    const { sessions } = (await owner.get('/settings/sessions')).json
    expect(sessions).to.have.length(3)
    expect(sessions[0]).to.include({ current: true, address: '127.0.0.1' })
    expect(sessions[0].created_at).to.match(/^\d{4}-.*Z$/)
    expect(sessions.map((session: { browser: string }) => session.browser)).to.contain('Firefox on Linux')
    const stolen = sessions.find(
      (s: { current: boolean; browser: string }) => !s.current && s.browser === 'node',
    )
    expect((await owner.post(`/settings/sessions/${stolen.id}/end`)).status).to.equal(200)
    await expectOnlyOwner()
    expect(await signedIn(third), 'the third one').to.equal(true)
    expect((await owner.post(`/settings/sessions/${stolen.id}/end`)).status, 'has already ended').to.equal(
      404,
    )
  })

  it('cannot be ended by another user', async () => {
    const stranger = await client(one.origin).register(`stranger_${count}`)
    const { sessions } = (await owner.get('/settings/sessions')).json
    for (const { id } of sessions) {
      expect((await stranger.post(`/settings/sessions/${id}/end`)).status).to.equal(404)
    }
    expect(await signedIn(owner)).to.equal(true)
    expect(await signedIn(thief)).to.equal(true)
  })

  it('loses all its streams, not only that of the home page', async () => {
    const name = `owner_${count}`
    const all = [theirs, await open(thief, '/public/stream'), await open(thief, `/users/${name}/stream`)]
    await owner.post('/settings/sessions/end')
    expect(await Promise.all(all.map((stream) => within(stream, 2000)))).to.deep.equal([true, true, true])
  })

  it('does not open a stream for a page that was loaded by another user or session', async () => {
    const id = (await owner.get('/')).json.posts
    expect(id).to.deep.equal([])
    const [{ id: me } = { id: '' }] = await database.query<{ id: string }>(
      `select id from users where username = 'owner_${count}'`,
    )
    const status = async (person: Client | null, as: string) => {
      const headers: Record<string, string> = person ? { cookie: person.cookie() } : {}
      const stream = await openStream(`${one.origin}/public/stream?as=${as}`, { headers })
      stream.close()
      return stream.status
    }
    expect(await status(owner, me)).to.equal(200)
    expect(await status(null, me)).to.equal(401)
    expect(await status(owner, '999999')).to.equal(401)
    expect(await status(owner, '')).to.equal(401)
  })

  it('is not left in the browser: a sign-out asks it to clear its cache', async () => {
    const out = await owner.post('/logout')
    expect(out.headers.get('clear-site-data')).to.equal('"cache"')
  })
})

import { connect } from 'node:net'
import { once } from 'node:events'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, type Client } from '../support/http.ts'
import { findLeak, startInstance, type Instance } from '../support/servers/instance.ts'
import { avatarForm } from '../support/pictures.ts'

describe('the instance’s log', () => {
  const database = useDatabase()
  let instance: Instance
  let ann: Client
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url, env: { LOG_LEVEL: 'debug' } })
    ann = await client(instance.origin).register('ann', 'canary-password-1')
  })
  const lines = () =>
    instance
      .logs()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  it('has one line of JSON per request, with its id and the status of the response', async () => {
    const wanted: [string, string, number][] = [
      ['GET', '/', 200],
      ['GET', '/nothing', 404],
      ['GET', '/posts/0', 404],
      ['POST', '/posts', 422],
      ['DELETE', '/', 405],
    ]
    for (const [method, path, status] of wanted) {
      const headers = { accept: 'application/json', cookie: ann.cookie(), 'x-csrf-token': await ann.csrf() }
      const response = await fetch(instance.origin + path, { method, headers })
      expect(response.status).to.equal(status)
      const request = response.headers.get('x-request-id')
      const line = await eventually(() =>
        lines().find((entry) => entry.event === 'request' && entry.request === request),
      )
      expect(line).to.include({ method, path, status })
    }
    const signedOut = await client(instance.origin).get('/settings/profile', { accept: 'text/html' })
    const request = signedOut.headers.get('x-request-id')
    await eventually(() => lines().some((entry) => entry.request === request && entry.status === 303))
  })

  it('contains sign-ins, rejected requests and changes of accounts', async () => {
    await client(instance.origin).login('ann', 'canary-password-2')
    await ann.post('/posts', { body: 'x' }, { csrf: 'forged' })
    await ann.post('/settings/password', { old_password: 'canary-password-1', password: 'canary-password-3' })
    await ann.post('/settings/sessions/end')
    await ann.post('/logout')
    const events = () => lines().map((line) => line.event)
    await eventually(() => events().includes('signed out'))
    expect(events()).to.include.members([
      'registered',
      'signed in',
      'sign-in refused',
      'refused',
      'password changed',
      'sessions ended',
    ])
  })

  it('does not contain passwords, tokens, cookies or anything that users wrote', async () => {
    ann = await client(instance.origin).register('ann_b', 'canary-password-4')
    const post = { body: 'canary-body', client_key: 'canary-key' }
    await ann.post('/posts', post)
    await ann.post('/posts', { ...post, body: 'canary-\0' })
    await ann.post('/posts?before=canary-query', post)
    await ann.post(
      '/settings/profile',
      avatarForm('canary-file', { bio: 'canary-bio', password: 'canary-field' }),
    )
    await fetch(`${instance.origin}/login`, {
      method: 'POST',
      body: '{"password":"canary-unparsed"',
      headers: { 'content-type': 'application/json', authorization: 'Bearer canary-bearer' },
    })
    // A database error contains the values of the statement.
    await database.query('alter table posts rename to posts_away')
    expect((await ann.post('/posts', { body: 'canary-failure', client_key: 'canary-key' })).status).to.equal(
      500,
    )
    await database.query('alter table posts_away rename to posts')
    await eventually(() => instance.logs().includes('"event":"failure"'))
    expect(instance.logs()).not.to.match(/canary-/)
    for (const secret of ann.cookie().split('; ')) {
      expect(instance.logs()).not.to.contain(secret.slice(secret.indexOf('=') + 1))
    }
  })

  it('does not contain forged lines', async () => {
    const { hostname, port } = new URL(instance.origin)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.write('GET /%0a{"event":"forged"}\u001b[31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await once(socket.resume(), 'close')
    await client(instance.origin).get('/%0A%7B%22event%22:%22forged%22%7D%1b[31m')
    await client(instance.origin).get('/', {
      headers: { 'user-agent': 'x{"event":"forged"}', 'x-forwarded-for': '\u009b31m' },
    })
    await eventually(() => lines().some((line) => String(line.path).includes('forged')))
    expect(lines().filter((line) => line.event === 'forged')).to.deep.equal([])
    // oxlint-disable-next-line no-control-regex
    expect(instance.logs()).not.to.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })

  it('is searched for secrets after each test: the search finds a planted one', () => {
    expect(findLeak(['"signed in"'])).to.contain('"signed in"')
    expect(findLeak(['a secret that nobody has'])).to.equal(null)
  })

  it('does not block requests while nobody reads it, and has whole lines afterwards', async () => {
    const { child, origin, logs } = await startInstance({ databaseUrl: database.url })
    child.stdout!.pause()
    for (let n = 0; n < 600; n += 50) {
      const answers = Array.from({ length: 50 }, () => fetch(`${origin}/nothing/${'x'.repeat(2_000)}`))
      for (const answer of await Promise.all(answers)) await answer.text()
    }
    child.stdout!.resume()
    const requests = () => logs().match(/^\{.*"event":"request".*\}$/gm) ?? []
    await eventually(
      () => requests().length,
      (count) => count === 600,
    )
  })
})

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'
import { client, type TestResponse } from '../support/http.ts'
import { startInstance } from '../support/servers/instance.ts'

/** A page that is read for each request. The first page of the public feed is kept. */
const PAGE = '/public?before=2100-01-01T00:00:00.000000Z_1'

describe('a request while the database does not respond', () => {
  const database = useDatabase()

  function expectUnavailable(answer: TestResponse) {
    expect(answer.status).to.equal(503)
    expect(Number(answer.headers.get('retry-after'))).to.be.greaterThan(0)
    expect(answer.headers.get('content-security-policy')).to.be.a('string')
    expect(answer.text).not.to.match(/select|slonik|ECONN|postgres|stack|node_modules/i)
  }

  it('gets 503 with Retry-After while the connection is broken, and works again afterwards', async () => {
    const proxy = await createProxy(new URL(database.url))
    const env = { DATABASE_URL: proxy.url, LISTEN_DATABASE_URL: database.url }
    const instance = await startInstance({ databaseUrl: database.url, env })
    const ann = await client(instance.origin).register('ann')
    expect((await ann.get('/')).status).to.equal(200)
    await ann.csrf()
    await proxy.break()
    for (const accept of ['text/html', 'application/json']) {
      expectUnavailable(await ann.get('/', { accept }))
      expectUnavailable(await client(instance.origin).get(PAGE, { accept }))
    }
    expectUnavailable(await ann.post('/posts', { body: 'lost' }))
    await proxy.restore()
    expect((await ann.get('/')).json.posts).to.deep.equal([])
    await proxy.break()
  })

  it('gets 503 at once if too many requests wait, and the waiting requests are served', async () => {
    const instance = await startInstance({ databaseUrl: database.url })
    const guest = client(instance.origin)
    await guest.get(PAGE)
    await database.query('begin')
    await database.query('lock table posts')
    const answers = Array.from({ length: 150 }, () => guest.get(PAGE))
    const start = performance.now()
    expectUnavailable(await Promise.race(answers))
    expect(performance.now() - start, 'before the statement timeout').to.be.below(4000)
    await database.query('commit')
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200).length).to.be.greaterThan(90)
    expect(new Set(statuses)).to.deep.equal(new Set([200, 503]))
  })

  it('gets 503 if a statement takes too long', async () => {
    const instance = await startInstance({ databaseUrl: database.url })
    await database.query('begin')
    await database.query('lock table posts')
    expectUnavailable(await client(instance.origin).get(PAGE))
    await database.query('commit')
    expect((await client(instance.origin).get(PAGE)).status).to.equal(200)
  })

  it('gets 503 within 5 s if its statements together take too long', async () => {
    const instance = await startInstance({ databaseUrl: database.url })
    const bob = await client(instance.origin).register('bob')
    await bob.post('/groups', { name: 'walkers', title: 'Walkers', visibility: 'public' })
    const locks = await Promise.all(['sessions', 'entries', 'group_requests'].map(lockTable))
    const refused = bob.get('/groups/walkers')
    const late = pause(5_000, null, { ref: false })
    for (const lock of locks.slice(0, 2)) {
      await pause(2_000)
      await lock.release()
    }
    const answer = await Promise.race([refused, late])
    await locks[2]!.release()
    expect(answer, 'no response within 5 s').not.to.equal(null)
    expectUnavailable(answer!)
    expect((await bob.get('/groups/walkers')).status).to.equal(200)
  })

  async function lockTable(name: string) {
    const holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
    await holder.query(`begin; lock table ${name}`)
    return { release: () => holder.end() }
  }
})

/** A proxy in front of the database whose connections can be broken and restored. */
async function createProxy(to: URL) {
  const sockets = new Set<Socket>()
  let server: Server
  let port = 0
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    return socket
  }
  async function listen() {
    server = createServer((downstream) => {
      const upstream = track(connect(Number(to.port), to.hostname))
      track(downstream).pipe(upstream).pipe(downstream)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  async function disconnect() {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await listen()
  const url = new URL(to)
  url.host = `127.0.0.1:${port}`
  return { url: url.toString(), break: disconnect, restore: listen }
}

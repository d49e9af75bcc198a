import { once } from 'node:events'
import { Agent, request as ask, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import { useDatabase } from './support/database.ts'
import { eventually } from './support/eventually.ts'
import { client, type Client } from './support/http.ts'
import { startInstance, type Instance } from './support/servers/instance.ts'
import { openStream } from './support/streams/sse.ts'

describe('an instance that shuts down', function () {
  this.timeout(60_000)
  const database = useDatabase()
  const agents: Agent[] = []
  let instance: Instance
  let ann: Client

  async function start(drainSeconds: number): Promise<void> {
    instance = await startInstance({
      databaseUrl: database.url,
      env: { DRAIN_SECONDS: String(drainSeconds) },
    })
    ann = client(instance.origin)
    if (!(await ann.login('ann')).text.includes('"user"')) await ann.register('ann')
    await ann.csrf()
  }
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy()
    await instance.kill()
  })

  /** A proxy's keep-alive connection to the instance. */
  function keepAliveConnection() {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    agents.push(agent)
    let sockets = 0
    async function send(method: string, path: string, body?: object): Promise<Response> {
      const headers = {
        accept: 'application/json',
        'content-type': 'application/json',
        cookie: ann.cookie(),
        'x-csrf-token': await ann.csrf(),
      }
      const request = ask(new URL(path, instance.origin), { method, headers, agent })
      request.on('socket', (socket) => (sockets += socket.connecting ? 1 : 0))
      request.end(body && JSON.stringify(body))
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      return { status: response.statusCode, connection: response.headers.connection }
    }
    return { send, sockets: () => sockets }
  }
  interface Response {
    status: number | undefined
    connection: string | undefined
  }

  const isReady = async () => (await fetch(`${instance.origin}/readyz`)).ok
  const accepts = () => {
    const socket = connect(Number(new URL(instance.origin).port), 'localhost')
    return once(socket, 'connect')
      .then(() => true)
      .catch(() => false)
      .finally(() => socket.destroy())
  }

  it('first serves requests while unready, and closes each connection after its response', async () => {
    await start(4)
    const stream = await openStream(`${instance.origin}/public/stream`)
    await stream.opened
    const [connection, other] = [keepAliveConnection(), keepAliveConnection()]
    for (const one of [connection, other]) {
      expect(await one.send('GET', '/public')).to.deep.equal({ status: 200, connection: 'keep-alive' })
    }
    instance.child.kill('SIGTERM')
    await eventually(isReady, (ready) => !ready)

    expect(
      await connection.send('POST', '/posts', { body: 'sent on a keep-alive connection' }),
    ).to.deep.equal({
      status: 201,
      connection: 'close',
    })
    expect(connection.sockets(), 'sockets that were opened').to.equal(1)
    expect(await other.send('GET', '/public/stream')).to.deep.equal({ status: 503, connection: 'close' })
    expect(await keepAliveConnection().send('GET', '/public')).to.deep.equal({
      status: 200,
      connection: 'close',
    })
    expect(await keepAliveConnection().send('GET', '/livez')).to.deep.equal({
      status: 200,
      connection: 'close',
    })
    await stream.next(({ data }) => data.post?.body === 'sent on a keep-alive connection')

    await stream.closed
    expect(stream.retries.at(-1)).to.be.within(50, 500)
    expect(await instance.exited).to.deep.equal({ code: 0, signal: null })
    expect(instance.logs()).to.contain('all done')
  })

  it('answers a new stream with 503 and Retry-After', async () => {
    await start(4)
    instance.child.kill('SIGTERM')
    await eventually(isReady, (ready) => !ready)
    const refused = await fetch(`${instance.origin}/public/stream`)
    expect(refused.status).to.equal(503)
    expect(refused.headers.get('retry-after')).to.equal('1')
    expect(await refused.json()).to.have.nested.property('error.code', 'unavailable')
  })

  it('then accepts no connections, and still serves a POST on a keep-alive connection', async () => {
    await start(0)
    const connection = keepAliveConnection()
    await connection.send('GET', '/public')
    const upload = connect(Number(new URL(instance.origin).port), 'localhost')
    let answer = ''
    upload.on('data', (chunk) => (answer += String(chunk)))
    const body = JSON.stringify({ body: 'sent slowly' })
    upload.write(
      `POST /posts HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nCookie: ${ann.cookie()}\r\n` +
        `X-CSRF-Token: ${await ann.csrf()}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n` +
        `Content-Length: ${body.length}\r\n\r\n`,
    )
    await once(upload, 'data') // the request is in progress
    instance.child.kill('SIGTERM')
    await eventually(accepts, (accepted) => !accepted)

    expect(await connection.send('POST', '/posts', { body: 'sent late' })).to.deep.equal({
      status: 201,
      connection: 'close',
    })
    upload.write(body)
    await once(upload, 'close')
    expect(answer).to.contain('HTTP/1.1 201 ').and.contain('Connection: close')
    expect(await instance.exited).to.deep.equal({ code: 0, signal: null })
  })

  it('closes idle connections, including those that have sent nothing', async () => {
    await start(0)
    const connection = keepAliveConnection()
    await connection.send('GET', '/public')
    const silent = connect(Number(new URL(instance.origin).port), 'localhost')
    silent.on('error', () => {})
    await once(silent, 'connect')
    expect(await instance.kill('SIGTERM')).to.deep.equal({ code: 0, signal: null })
    expect(instance.logs()).to.contain('all done')
  })
})

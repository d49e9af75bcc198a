import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { createEndlessResponse } from '../../src/web/http-server/endless-response.ts'
import { eventually } from '../support/eventually.ts'

/** A WeakRef keeps its target until the end of the turn, so collect in a later one. */
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const ignore = (): void => {}

describe('a response without an end', () => {
  let server: Server
  let bodies: Writable[]
  let freed: WeakRef<object>[]
  const held = Promise.withResolvers<void>()

  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/page') response.end('a page')
      else if (request.url === '/held') void sendHeld(response)
      else begin(response)
    }).listen(0)
    await once(server, 'listening')
  })
  async function sendHeld(response: ServerResponse): Promise<void> {
    await held.promise
    response.end('held')
  }
  function begin(response: ServerResponse): void {
    if (response.req.url === '/large') response.socket!.write(Buffer.alloc(20_000_000))
    freed.push(new WeakRef(response.req), new WeakRef(response))
    const body = createEndlessResponse(response).begin({ 'Content-Type': 'text/event-stream' })
    if (body !== null) bodies.push(body)
    body?.on('error', ignore)
    body?.write('first\n')
  }
  beforeEach(() => {
    bodies = []
    freed = []
  })
  after(() => server.close())

  async function open(): Promise<{ socket: Socket; text: () => string }> {
    const socket = connect((server.address() as AddressInfo).port)
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk))).on('error', () => {})
    await once(socket, 'connect')
    return { socket, text: () => text }
  }
  const get = (path: string, version = '1.1') => `GET ${path} HTTP/${version}\r\nHost: x\r\n\r\n`
  const connections = () => new Promise<number>((resolve) => server.getConnections((_, n) => resolve(n)))

  for (const version of ['1.0', '1.1']) {
    it(`is not chunked and closes the connection, for a client of HTTP/${version}`, async () => {
      const { socket, text } = await open()
      socket.write(get('/stream', version))
      await eventually(() => text().includes('first'))
      bodies[0]!.end('last\n')
      await once(socket, 'close')
      expect(text())
        .to.match(
          /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\nConnection: close\r\nDate: [^\r]+\r\n\r\n/,
        )
        .and.match(/\r\n\r\nfirst\nlast\n$/)
    })
  }

  it('begins on a connection that has already served a page', async () => {
    const { socket, text } = await open()
    socket.write(get('/page'))
    await eventually(() => text().includes('a page'))
    socket.write(get('/stream'))
    await eventually(() => text().includes('first'))
    expect(text()).to.match(/Connection: keep-alive\r\n.*Connection: close\r\n/s)
    socket.destroy()
  })

  it('frees the request and the response, which the server does not count any more', async () => {
    const { socket, text } = await open()
    socket.write(get('/stream'))
    await eventually(() => text().includes('first'))
    await eventually(() => {
      collectGarbage()
      return freed.every((one) => one.deref() === undefined)
    })
    expect(await connections()).to.equal(0)
    bodies[0]!.write('second\n')
    await eventually(() => text().includes('second'))
    socket.destroy()
  })

  it('closes when the client closes, or ends its side', async () => {
    for (const leave of ['destroy', 'end'] as const) {
      const { socket, text } = await open()
      socket.write(get('/stream'))
      await eventually(() => text().includes('first'))
      const closed = once(bodies.at(-1)!, 'close')
      socket[leave]()
      await closed
    }
  })

  it('discards what the client sends afterwards, and closes after 64 KiB of it', async () => {
    const { socket, text } = await open()
    socket.write(get('/stream'))
    await eventually(() => text().includes('first'))
    const [body] = bodies as [Writable]
    socket.write(get('/page') + 'x'.repeat(60_000))
    await eventually(() => (body as Socket).bytesRead > 60_000)
    expect(body.destroyed).to.equal(false)
    expect(text()).not.to.contain('a page')
    socket.write('x'.repeat(10_000))
    await once(body, 'close')
  })

  it('waits for earlier responses of a client that sends requests without waiting', async () => {
    const { socket, text } = await open()
    socket.write(get('/held') + get('/stream'))
    await eventually(() => bodies.length > 0)
    held.resolve()
    await eventually(() => text().includes('first'))
    expect(text()).to.match(/\r\n\r\nheld.*\r\nConnection: close\r\n.*\r\n\r\nfirst\n$/s)
    socket.destroy()
  })

  it('keeps bytes that still wait on the connection, and their order', async () => {
    const { socket, text } = await open()
    socket.pause().write(get('/large'))
    await eventually(() => bodies.length > 0)
    socket.resume()
    await eventually(() => text().includes('first'))
    expect(text().indexOf('HTTP/1.1 200')).to.equal(20_000_000)
    socket.destroy()
  })

  it('has only the head for HEAD', async () => {
    const { socket, text } = await open()
    socket.write('HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'close')
    expect(text()).to.match(/^HTTP\/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)+\r\n$/)
    expect(bodies).to.have.length(0)
  })
})

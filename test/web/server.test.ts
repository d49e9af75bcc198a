import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { expect } from 'chai'
import { createHttpServer, type ClientLimits } from '../../src/web/http-server/server.ts'

const LIMITS: ClientLimits = {
  headersMs: 250,
  bodyMs: 500,
  fileMs: 3_000,
  windowMs: 300,
  windowBytes: 100,
  idleMs: 600,
  checkMs: 20,
}

describe('the HTTP server', () => {
  const servers: ReturnType<typeof createHttpServer>[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  async function serve(listener: RequestListener, limits: Partial<ClientLimits> = {}) {
    const server = createHttpServer(listener, { ...LIMITS, ...limits }).listen(0)
    servers.push(server)
    await once(server, 'listening')
    return open((server.address() as AddressInfo).port)
  }

  /** A client that reads everything until the server closes the connection. */
  async function open(
    port: number,
  ): Promise<{ socket: Socket; closed: Promise<string>; text: () => string }> {
    const socket = connect(port)
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk))).on('error', () => {})
    const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
    await once(socket, 'connect')
    return { socket, closed, text: () => text }
  }

  /** Sends `chunk` every 50 ms, `times` times or until the connection is closed. */
  function sendSlowly(socket: Socket, chunk: string, times = Infinity): void {
    const timer = setInterval(() => {
      if (socket.destroyed || times-- <= 0) clearInterval(timer)
      else socket.write(chunk)
    }, 50)
  }

  async function readBody(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let bytes = 0
    request.on('error', () => {})
    for await (const chunk of request) bytes += (chunk as Buffer).length
    response.end(`read ${bytes}`)
  }
  const read: RequestListener = (request, response) => void readBody(request, response).catch(() => {})

  const head = (type: string, length: number) =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`
  const FORM = 'application/x-www-form-urlencoded'
  const FILE = 'multipart/form-data; boundary=x'

  it('closes a connection that sends nothing', async () => {
    const { closed } = await serve(read)
    expect(await closed).to.match(/^HTTP\/1.1 408 /)
  })

  it('closes a connection whose headers arrive too slowly', async () => {
    const { socket, closed } = await serve(read)
    socket.write('GET / HTTP/1.1\r\n')
    sendSlowly(socket, 'X-Header: x\r\n')
    await closed
  })

  for (const [what, type] of [
    ['a form', FORM],
    ['a picture', FILE],
  ] as const) {
    it(`answers 408 and closes the connection when ${what} stalls`, async () => {
      const { socket, closed } = await serve(read)
      socket.write(head(type, 5_000) + 'x'.repeat(500))
      expect(await closed).to.match(/^HTTP\/1.1 408 .*\r\nConnection: close\r\n/s)
    })

    it(`closes the connection when ${what} arrives too slowly`, async () => {
      const { socket, closed } = await serve(read)
      socket.write(head(type, 5_000))
      sendSlowly(socket, 'x')
      await closed
    })
  }

  it('accepts a picture that arrives slowly but steadily, and gives a form less time', async () => {
    const picture = await serve(read)
    picture.socket.write(head(FILE, 1_600))
    sendSlowly(picture.socket, 'x'.repeat(100), 16)
    const form = await serve(read)
    form.socket.write(head(FORM, 1_600))
    sendSlowly(form.socket, 'x'.repeat(100), 16)
    await form.closed
    await once(picture.socket, 'data')
    expect(picture.text()).to.match(/^HTTP\/1.1 200 .*read 1600$/s)
  })

  it('closes the connection when a picture takes too long, however fast it arrives', async () => {
    const { socket, closed } = await serve(read, { fileMs: 500 })
    socket.write(head(FILE, 1_000_000))
    sendSlowly(socket, 'x'.repeat(1_000))
    await closed
  })

  it('closes the connection when the body of a rejected request stalls', async () => {
    const { socket, closed } = await serve((_, response) => void response.writeHead(401).end())
    socket.write(head(FORM, 5_000))
    expect(await closed)
      .to.match(/^HTTP\/1.1 401 /)
      .and.not.contain('408')
  })

  it('closes a connection whose client does not read the response', async () => {
    const ended = Promise.withResolvers<void>()
    const { socket } = await serve((_, response) => {
      response.on('close', () => ended.resolve())
      response.write(Buffer.alloc(20_000_000))
    })
    socket.pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await ended.promise
  })

  it('keeps a stream open that writes regularly', async () => {
    let beats = 0
    const { socket, closed } = await serve((_, response) => {
      const timer = setInterval(() => {
        if (++beats < 6) return response.write('beat\n')
        clearInterval(timer)
        response.end('done')
      }, LIMITS.idleMs / 2)
    })
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(await closed).to.contain('done')
  })

  it('keeps an idle connection longer after a request than before the first one', async () => {
    const { socket, text } = await serve(read)
    const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.write(request)
    await once(socket, 'data')
    await (
      await open(socket.remotePort ?? 0)
    ).closed
    socket.write(request)
    await once(socket, 'data')
    expect(text().match(/HTTP\/1.1 200/g)).to.have.length(2)
  })
})

import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { Backlog } from '../../src/stream/clients/backlog.ts'
import { createConnection, type Connection } from '../../src/stream/clients/connection.ts'
import { toBlock } from '../../src/stream/encoding/block.ts'
import { createStreamCounts } from '../../src/stream/metrics.ts'
import { createEndlessResponse } from '../../src/web/http-server/endless-response.ts'
import { serveLocally, type LocalServer } from '../support/servers/local-server.ts'

const KB = 1024

describe('the connection to a client that starts to read late', () => {
  let server: LocalServer
  const backlog = new Backlog(Infinity)
  let connection: Connection

  before(async () => {
    server = await serveLocally((_, response) => {
      connection = createConnection(createEndlessResponse(response), 'identity', {
        backlog,
        counts: createStreamCounts(),
      })
      connection.open()
    })
  })
  after(() => server.close())

  /** Returns a unique frame of this many bytes. */
  const frame = (n: number, bytes: number): string => `data: ${n} `.padEnd(bytes - 2, '.') + '\n\n'
  const write = (text: string): void => connection.write(toBlock(text))

  it('keeps every frame, complete and in order, and ends after the last one', async () => {
    const client = await server.open('/')
    const frames = Array.from({ length: 150 }, (_, n) => frame(n, (n % 12) * KB + 20))
    for (const [n, one] of frames.entries()) {
      write(one)
      if (n % 10 === 0) await turn()
    }
    connection.end()
    write('data: too late\n\n')
    expect(connection.closed()).to.equal(false)
    const [, received, retry] = /^(.*)retry: (\d+)\n+$/s.exec(await text(client)) ?? []
    expect(received === frames.join(''), 'all frames').to.equal(true)
    expect(Number(retry)).to.be.within(50, 500)
    expect(client.complete).to.equal(true)
  })

  it('closes if more than 1 MiB waits, and does not skip a frame', async () => {
    const client = await server.open('/')
    let written = ''
    while (!connection.closed() && written.length < 4_096 * KB) {
      const next = frame(written.length, 64 * KB)
      write(next)
      written += next
      await turn()
    }
    expect(connection.closed()).to.equal(true)
    expect(written.length).to.be.within(1_024 * KB, 2_048 * KB)
    const received = await text(client)
    expect(received.length).to.be.below(written.length)
    expect(written.startsWith(received), 'the first bytes').to.equal(true)
  })

  it('resolves `drained` once the client has read everything or has disconnected', async () => {
    for (const disconnects of [false, true]) {
      const client = await server.open('/')
      write(frame(1, 900 * KB))
      let drained = false
      const draining = connection.drained().then(() => (drained = true))
      await turn()
      expect(drained).to.equal(false)
      if (disconnects) client.destroy()
      else client.resume()
      await draining
      client.destroy()
    }
  })

  it('ends once, with the first `retry`', async () => {
    const client = await server.open('/')
    const frames = Array.from({ length: 9 }, (_, n) => frame(n, 100 * KB))
    for (const one of frames) write(one)
    connection.end(30_000)
    connection.end()
    expect((await text(client)).trimEnd() === `${frames.join('')}retry: 30000`, 'all frames').to.equal(true)
  })
})

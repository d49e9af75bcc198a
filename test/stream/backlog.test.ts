import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { Backlog } from '../../src/stream/clients/backlog.ts'
import { createConnection, type Connection } from '../../src/stream/clients/connection.ts'
import { toBlock, type Block } from '../../src/stream/encoding/block.ts'
import { createStreamCounts } from '../../src/stream/metrics.ts'
import { createEndlessResponse } from '../../src/web/http-server/endless-response.ts'
import { eventually } from '../support/eventually.ts'
import { serveLocally, type LocalServer } from '../support/servers/local-server.ts'

const KB = 1024
const LIMIT = 1_000 * KB

describe('the backlog of an instance', () => {
  let server: LocalServer
  let backlog: Backlog
  let opened: Connection
  let count = 0
  const clients: IncomingMessage[] = []

  before(async () => {
    server = await serveLocally((_, response) => {
      opened = createConnection(createEndlessResponse(response), 'identity', {
        backlog,
        counts: createStreamCounts(),
      })
      opened.open()
    })
  })
  after(() => server.close())
  beforeEach(() => {
    backlog = new Backlog(LIMIT)
  })
  afterEach('is empty once all clients are gone', async () => {
    for (const client of clients.splice(0)) client.destroy()
    await eventually(() => backlog.size() === 0, Boolean, { what: 'an empty backlog' })
  })

  const block = (bytes: number): Block => toBlock(`data: ${count++} `.padEnd(bytes - 2, '.') + '\n\n')

  async function connect(): Promise<{ client: IncomingMessage; connection: Connection }> {
    const client = await server.open('/')
    clients.push(client)
    return { client, connection: opened }
  }

  /** A client that reads nothing. The kernel and Node have taken all that they take, and 64 kB wait. */
  async function connectStalled(): Promise<Connection> {
    const { connection } = await connect()
    const before = backlog.size()
    for (let stable = 0; stable < 10; await turn()) {
      if (backlog.size() === before) connection.write(block(64 * KB))
      stable = backlog.size() === before ? 0 : stable + 1
    }
    return connection
  }

  it('counts a block that waits for many clients once', async () => {
    const stalled = [await connectStalled(), await connectStalled(), await connectStalled()]
    const before = backlog.size()
    const shared = block(100 * KB)
    for (const connection of stalled) connection.write(shared)
    expect(backlog.size() - before).to.be.within(100 * KB, 101 * KB)
  })

  it('cuts the slowest client when it is full, and the others get everything', async () => {
    const slower = await connectStalled()
    const slow = await connectStalled()
    const reader = await connect()
    const received = text(reader.client)
    slow.write(block(200 * KB))
    for (let n = 0; n < 4; n++) slower.write(block(100 * KB))
    const shared = block(100 * KB)
    expect([slower.closed(), slow.closed(), backlog.cuts()]).to.deep.equal([false, false, 0])
    for (let n = 0; !slower.closed() && n < 20; n++) {
      slow.write(block(10 * KB))
      slower.write(block(30 * KB))
    }
    expect([slower.closed(), slow.closed(), backlog.cuts()]).to.deep.equal([true, false, 1])
    expect(backlog.size()).to.be.below(LIMIT * 0.9)
    reader.connection.write(shared)
    reader.connection.end()
    expect((await received).startsWith(shared.bytes('identity').toString())).to.equal(true)
  })

  it('cuts clients that read nothing before those that read, although more waits for the latter', async () => {
    const stalled = [await connectStalled(), await connectStalled()]
    await eventually(() => stalled.every((connection) => connection.stalledFor() > 20))
    const readers = await Promise.all(Array.from({ length: 30 }, connect))
    const received = readers.map(({ client }) => text(client))
    const burst = Array.from({ length: 8 }, () => block(100 * KB))
    for (const one of burst) for (const { connection } of readers) connection.write(one)
    for (let n = 0; n < 3; n++) for (const connection of stalled) connection.write(block(100 * KB))
    expect(backlog.cuts()).to.be.within(1, 2)
    expect(readers.filter(({ connection }) => connection.closed())).to.deep.equal([])
    for (const { connection } of readers) connection.end()
    const expected = burst.map((one) => one.bytes('identity').toString()).join('')
    for (const one of received) expect((await one).startsWith(expected)).to.equal(true)
  })

  it('cuts nobody in a burst to clients that read, if the burst itself fits', async () => {
    const readers = await Promise.all(Array.from({ length: 30 }, async () => connect()))
    const connections = readers.map(({ connection }) => connection)
    const received = readers.map(({ client }) => text(client))
    const burst = Array.from({ length: 8 }, () => block(100 * KB))
    for (const one of burst) for (const connection of connections) connection.write(one)
    expect(connections.reduce((sum, connection) => sum + connection.waitingBytes(), 0)).to.be.above(5 * LIMIT)
    expect(backlog.cuts()).to.equal(0)
    for (const connection of connections) connection.end()
    const expected = burst.map((one) => one.bytes('identity').toString()).join('')
    for (const one of received) expect((await one).startsWith(expected)).to.equal(true)
  })
})

import { get, type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

const POSTS = 250
const CLIENTS = 20

describe('one transaction of 250 posts with 15 kB of text each', () => {
  const { database, guest } = useSite()

  before(async () => {
    await database.query("insert into users (username, password_hash) values ('ann', 'x')")
  })

  /** Connects a client that reads as fast as it can, and only counts events. */
  async function connect(): Promise<{ events(): number; closed(): boolean; stop(): void }> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${guest.origin}/public/stream`, { agent: false }, resolve).on('error', reject)
    })
    let events = 0
    let rest = ''
    response.on('error', () => {})
    response.on('data', (bytes: Buffer) => {
      const text = rest + bytes.toString('latin1')
      events += text.split('\nevent: post\n').length - 1
      rest = text.slice(text.lastIndexOf('\n'))
    })
    return { events: () => events, closed: () => response.destroyed, stop: () => response.destroy() }
  }

  it('reaches every client that reads, and disconnects none of them', async function () {
    this.timeout(60_000)
    const clients = await Promise.all(Array.from({ length: CLIENTS }, connect))
    await database.query(
      'insert into posts (author_id, body) select 1, repeat($1, 5000) from generate_series(1, $2::int)',
      ['漢', POSTS],
    )
    await eventually(
      () => clients.map((client) => (client.closed() ? 'closed' : client.events())),
      (counts) => counts.every((count) => count === POSTS || count === 'closed'),
      { timeout: 40_000 },
    )
    expect(clients.filter((client) => client.closed())).to.have.length(0)
    for (const client of clients) client.stop()
  })
})

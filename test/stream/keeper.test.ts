import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { pino } from 'pino'
import { createDb, type DatabasePool } from '../../src/lib/db.ts'
import { openConnection } from '../../src/stream/connection.ts'
import { createHub } from '../../src/stream/hub.ts'
import { keepStreams, type Keeper } from '../../src/stream/keeper.ts'
import { createSubscriber } from '../../src/stream/subscriber.ts'
import { findLiveSessions } from '../../src/users/sessions.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers } from '../support/people.ts'

describe('the keeper of streams', () => {
  const database = useDatabase()
  const hub = createHub()
  let db: DatabasePool
  let keeper: Keeper
  let server: Server

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    await insertUsers(db, ['ann'])
    // The path of a request is the session whose stream it is.
    server = createServer(({ url = '' }, response) => {
      const connection = openConnection(response, () => hub.detach(subscriber))
      const rights = { feeds: [], pages: [], guarded: false, changedAt: 0 }
      const viewer = { id: '1', session: url.slice(1) }
      const subscriber = createSubscriber(connection, { viewer, home: false, rights, cursor: 0 })
      hub.admit(subscriber)
      connection.write(': open\n\n')
    }).listen(0)
    await once(server, 'listening')
    const liveSessions = (hashes: string[]) => findLiveSessions(db, hashes)
    keeper = keepStreams({ hub, liveSessions, log: pino({ level: 'silent' }), recheckEveryMs: 50 })
  })
  after(async () => {
    keeper.stop()
    server.closeAllConnections()
    server.close()
    await db.end()
  })

  it('ends the stream of a session that expires without a word, and no other', async () => {
    await database.query(`
      insert into sessions (id_hash, user_id, expires_at)
      values ('\\xaa', 1, now() + interval '1 day'), ('\\xbb', 1, now() + interval '1 day')`)
    const { port } = server.address() as AddressInfo
    const [expiring, lasting] = await Promise.all(
      ['aa', 'bb'].map((session) => fetch(`http://localhost:${port}/${session}`)),
    )
    expect(hub.size()).to.equal(2)
    await database.query(
      `update sessions set expires_at = now() - interval '1 second' where id_hash = '\\xaa'`,
    )
    expect(await expiring!.text()).to.match(/^: open\n\nretry: \d+\n\n$/)
    expect([...hub.subscribers()].map(({ viewer }) => viewer?.session)).to.deep.equal(['bb'])
    await lasting!.body?.cancel()
  })
})

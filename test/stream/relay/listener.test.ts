import { openDatabaseLink, type DatabaseLink } from '../../faults/cluster/database-link.ts'
import { useDatabase } from '../../support/database.ts'
import { client, type Client } from '../../support/http.ts'
import { startInstance, type Instance } from '../../support/servers/instance.ts'
import { openStream } from '../../support/streams/sse.ts'

describe('an instance whose queries get no response', () => {
  const database = useDatabase()
  let link: DatabaseLink
  let instance: Instance
  let bob: Client

  before(async () => {
    link = await openDatabaseLink(Number(new URL(database.url).port))
    const poolUrl = new URL(database.url)
    poolUrl.port = String(link.port)
    instance = await startInstance({
      databaseUrl: poolUrl.toString(),
      env: { LISTEN_DATABASE_URL: database.url },
    })
    await client(instance.origin).register('ann')
    bob = await client(instance.origin).register('bob')
    await bob.post('/users/ann/follow')
  })
  after(() => link.close())

  it('relays notifications that arrive in order, because it does not need the log for them', async () => {
    const stream = await openStream(`${instance.origin}/stream`, { headers: { cookie: bob.cookie() } })
    await stream.opened
    link.silence()
    await database.query(
      "insert into posts (author_id, body) select id, 'meanwhile' from users where username = 'ann'",
    )
    await stream.next((event) => event.data?.post?.body === 'meanwhile')
    stream.close()
  })
})

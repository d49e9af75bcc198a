import { expect } from 'chai'
import { openDatabaseLink, type DatabaseLink } from '../../faults/cluster/database-link.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { client, type Client } from '../../support/http.ts'
import { startInstance, type Instance } from '../../support/servers/instance.ts'
import { openStream, type TestStream } from '../../support/streams/sse.ts'

const LIMIT_MS = 2_000

describe('a right that ends while an instance gets no notifications', () => {
  const database = useDatabase()
  let link: DatabaseLink
  let silenced: Instance
  let other: Instance
  let ann: Client

  before(async () => {
    const direct = new URL(database.url)
    link = await openDatabaseLink(Number(direct.port))
    const listen = new URL(database.url)
    listen.port = String(link.port)
    silenced = await startInstance({
      databaseUrl: database.url,
      env: { LISTEN_DATABASE_URL: listen.toString() },
    })
    other = await startInstance({ databaseUrl: database.url })
    ann = await client(other.origin).register('ann')
  })
  after(() => link.close())

  async function openOnSilenced(name: string): Promise<{ person: Client; stream: TestStream }> {
    const person = await client(other.origin).register(name)
    await person.post('/users/ann/follow')
    const stream = await openStream(`${silenced.origin}/stream`, { headers: { cookie: person.cookie() } })
    const { id } = (await ann.post('/posts', { body: `hello ${name}` })).json.post
    await stream.next((event) => event.data?.post?.id === id)
    return { person, stream }
  }

  it('ends on its open streams within 2 s: an unfollow, and a session', async () => {
    const bob = await openOnSilenced('bob')
    const cleo = await openOnSilenced('cleo')
    link.silence()

    await bob.person.post('/users/ann/unfollow')
    await bob.stream.next((event) => event.event === 'reset', LIMIT_MS)
    const start = performance.now()
    await cleo.person.post('/logout')
    await cleo.stream.closed
    expect(performance.now() - start).to.be.below(LIMIT_MS)

    const { id } = (await ann.post('/posts', { body: 'for no open stream' })).json.post
    const dan = await openStream(`${silenced.origin}/users/ann/stream?after=0`)
    await dan.next((event) => event.data?.post?.id === id)
    expect(bob.stream.events.filter((event) => event.data?.post?.id === id)).to.be.empty
    // The instance counts events whose notification never arrived.
    const missed = async () => {
      const metrics = await (await fetch(`${silenced.metricsOrigin}/metrics`)).text()
      return Number(/^koafeed_missed_notifications_total (\d+)$/m.exec(metrics)?.[1])
    }
    await eventually(missed, (count) => count > 0, { timeout: 10_000 })
  })
})

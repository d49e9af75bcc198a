import { expect } from 'chai'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/instance.ts'
import { openStream } from '../support/sse.ts'

const POOL_SIZE = 10

describe('an instance all of whose connections wait for one lock', () => {
  const database = useDatabase()
  let instance: Instance
  let bob: Client, cleo: Client
  let holder: pg.Client

  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
    await client(instance.origin).register('ann')
    bob = await client(instance.origin).register('bob')
    cleo = await client(instance.origin).register('cleo')
    await bob.post('/users/ann/follow')
    holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
  })
  after(() => holder.end())

  const locksWaitedFor = async () =>
    (
      await database.query(`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and application_name ^@ 'koafeed:pool:'`)
    ).length
  const whatIsWrong = async (): Promise<string[]> =>
    (await (await fetch(`${instance.origin}/readyz`)).json()).why

  it('relays what comes in order at once, though it cannot read the log', async () => {
    const { id } = (await cleo.post('/posts', { body: 'liked by all at once' })).json.post
    const stream = await openStream(`${instance.origin}/stream`, { headers: { cookie: bob.cookie() } })
    await stream.opened
    await holder.query('begin')
    await holder.query('select from posts where id = $1 for update', [id])
    const likes = Array.from({ length: POOL_SIZE }, () => cleo.post(`/posts/${id}/like`))
    await eventually(locksWaitedFor, (count) => count === POOL_SIZE)
    // Nobody else asks for a connection: what waits is the read of the log that each second brings.
    await eventually(whatIsWrong, (why) => why.includes('requests wait for a connection to the database'))

    await database.query(
      "insert into posts (author_id, body) select id, 'meanwhile' from users where username = 'ann'",
    )
    await stream.next((event) => event.data?.post?.body === 'meanwhile')
    expect(await locksWaitedFor(), 'likes that still wait').to.equal(POOL_SIZE)

    await holder.query('rollback')
    expect((await Promise.all(likes)).map(({ status }) => status)).to.deep.equal(likes.map(() => 200))
    stream.close()
  })
})

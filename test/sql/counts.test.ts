import { expect } from 'chai'
import fc from 'fast-check'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'
import { client } from '../support/http.ts'
import { startInstance } from '../support/servers/instance.ts'

const PEOPLE = 5

/** Statements that change subscriptions. `populate` creates deleted users and groups again. */
const statements = {
  follow: (user: number, other: number) =>
    `insert into subscriptions (user_id, feed_id)
     select u.id, o.feed_id from users u, users o
     where u.username = 'user_${user}' and o.username = 'user_${other}' on conflict do nothing`,
  unfollow: (user: number, other: number) =>
    `delete from subscriptions
     where user_id = (select id from users where username = 'user_${user}')
       and feed_id = (select feed_id from users where username = 'user_${other}')`,
  'follow everybody': (user: number) =>
    `insert into subscriptions (user_id, feed_id)
     select u.id, f.id from users u, feeds f
     where u.username = 'user_${user}' and f.kind <> 'public' order by f.id desc on conflict do nothing`,
  'lose every follower': (user: number) =>
    `delete from subscriptions where feed_id = (select feed_id from users where username = 'user_${user}')`,
  'unfollow everybody': (user: number) =>
    `delete from subscriptions where user_id = (select id from users where username = 'user_${user}')`,
  join: (user: number, group: number) =>
    `insert into subscriptions (user_id, feed_id)
     select u.id, g.feed_id from users u, groups g
     where u.username = 'user_${user}' and g.name = 'group_${group % 2}' on conflict do nothing`,
  'delete the user': (user: number) => `delete from users where username = 'user_${user}'`,
  'delete the group': (_: number, group: number) => `delete from groups where name = 'group_${group % 2}'`,
}

const step = fc
  .tuple(
    fc.constantFrom(...(Object.keys(statements) as (keyof typeof statements)[])),
    fc.nat({ max: PEOPLE - 1 }),
    fc.nat({ max: PEOPLE - 1 }),
  )
  .map(([name, user, other]) => statements[name](user, other))

describe('feed_counts: followers, members and followed people', () => {
  const database = useDatabase()
  const clients: pg.Client[] = []
  before(async () => {
    for (let n = 0; n < 4; n++) clients.push(new pg.Client({ connectionString: database.url }))
    await Promise.all(clients.map((one) => one.connect()))
  })
  after(() => Promise.all(clients.map((one) => one.end())))
  beforeEach(() => populate())

  const populate = () =>
    database.query(`
      with people as (
        insert into users (username, password_hash)
        select 'user_' || n, 'x' from generate_series(0, ${PEOPLE - 1}) n
        where not exists (select from users where username = 'user_' || n)
      )
      insert into groups (name, title)
      select 'group_' || n, 'Group' from generate_series(0, 1) n
      where not exists (select from groups where name = 'group_' || n)`)

  async function expectCorrectCounts(): Promise<void> {
    const wrong = await database.query(`
      select f.id, f.kind, c.subscriber_count, c.following_count
      from feeds f
      left join users u on u.feed_id = f.id
      left join feed_counts c on c.feed_id = f.id
      where coalesce(c.subscriber_count, 0) <> (
          select count(*) from subscriptions s where s.feed_id = f.id and s.user_id is distinct from u.id
        )
        or coalesce(c.following_count, 0) <> (
          select count(*) from subscriptions s join users o on o.feed_id = s.feed_id
          where s.user_id = u.id and o.id <> u.id
        )`)
    expect(wrong).to.deep.equal([])
  }

  it('stay correct after any change, including changes of many rows and cascades', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        await populate()
        for (const statement of steps) await database.query(statement)
        await expectCorrectCounts()
      }),
      { numRuns: 20 },
    )
  })

  it('stay correct, without deadlocks, when several transactions change the same counts', async () => {
    // The clients share only the counts. Half of them write their rows in the opposite order.
    const follow = (n: number) => `
      insert into subscriptions (user_id, feed_id)
      select u.id, o.feed_id from users u, users o
      where u.username = 'user_${n}' order by o.id ${n % 2 ? 'desc' : 'asc'} on conflict do nothing`
    const unfollow = (n: number) => `
      delete from subscriptions
      where user_id = (select id from users where username = 'user_${n}')
        and feed_id in (select feed_id from users where username <> 'user_${n}')`
    for (let round = 0; round < 50; round++) {
      await Promise.all(clients.map((one, n) => one.query(round % 2 ? follow(n) : unfollow(n))))
    }
    await expectCorrectCounts()
  })

  it('are locked at the commit only, so transactions with many follows do not wait for each other', async () => {
    const [one, two] = clients as [pg.Client, pg.Client]
    const follow = (client: pg.Client, user: number, other: number) =>
      client.query(statements.follow(user, other))
    await database.query(
      'delete from subscriptions where user_id in (select id from users where username ~ $1)',
      ['^user_'],
    )
    for (const client of [one, two]) await client.query("begin; set local lock_timeout = '3s'")
    await follow(one, 0, 1)
    await follow(two, 2, 3)
    await follow(one, 0, 3)
    await follow(two, 2, 1)
    await one.query('commit')
    await two.query('commit')
    await expectCorrectCounts()
  })

  it('appear on pages, which do not count rows', async () => {
    const { origin } = await startInstance({ databaseUrl: database.url })
    const ann = await client(origin).register('ann')
    const bob = await client(origin).register('bob')
    await ann.post('/groups', { name: 'gardeners', title: 'Gardeners' })
    await bob.post('/groups/gardeners/join')
    await bob.post('/users/ann/follow')
    const counts = async () => [
      (await ann.get('/users/ann')).json.user.followers,
      (await ann.get('/users/bob')).json.user.following,
      (await ann.get('/groups/gardeners')).json.group.members,
    ]
    expect(await counts()).to.deep.equal([1, 1, 2])
    await database.query('update feed_counts set subscriber_count = 5000, following_count = 300')
    expect(await counts()).to.deep.equal([5000, 300, 5000])
  })

  it('are not in the row of the user, so following does not wait for a lock on it', async () => {
    const { origin } = await startInstance({ databaseUrl: database.url })
    const cleo = await client(origin).register('cleo')
    const [other] = clients as [pg.Client]
    await other.query("begin; select from users where username = 'user_0' for update")
    expect((await cleo.post('/users/user_0/follow')).status).to.equal(200)
    await other.query('rollback')
  })
})

import { expect } from 'chai'
import fc from 'fast-check'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'

/** One step of a concurrent transaction; `wait` is in milliseconds. */
interface Step {
  action: 'insert' | 'rolled back savepoint'
  wait: number
}
interface Transaction {
  steps: Step[]
  end: 'commit' | 'rollback'
}

const transaction: fc.Arbitrary<Transaction> = fc.record({
  steps: fc.array(
    fc.record({
      action: fc.constantFrom<Step['action']>('insert', 'insert', 'rolled back savepoint'),
      wait: fc.integer({ min: 0, max: 8 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  end: fc.constantFrom<Transaction['end']>('commit', 'commit', 'commit', 'rollback'),
})

describe('the order of the log', () => {
  const database = useDatabase()
  const clients: pg.Client[] = []

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    clients.push(client)
    return client
  }

  after(() => Promise.all(clients.map((client) => client.end())))

  it('is the order of commits, so a reader that continues after its last seq misses nothing', async () => {
    const writers = await Promise.all(Array.from({ length: 8 }, connect))
    const reader = await connect()
    const listener = await connect()
    const author = await writers[0]!.query(
      "insert into users (username, password_hash) values ('author', 'x') returning id",
    )
    const authorId: string = author.rows[0].id
    const notified: number[] = []
    listener.on('notification', ({ payload }) => notified.push(JSON.parse(payload!).seq))
    await listener.query('listen koafeed')

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(transaction, { minLength: 3, maxLength: 5 }), { minLength: 8, maxLength: 8 }),
        async (plan) => {
          await reader.query('truncate log')
          notified.length = 0
          const read: number[] = []
          let writing = true

          async function readNewRows(): Promise<void> {
            const { rows } = await reader.query('select seq from log where seq > $1 order by seq', [
              read.at(-1) ?? 0,
            ])
            read.push(...rows.map((row) => Number(row.seq)))
          }
          async function keepReading(): Promise<void> {
            while (writing) await readNewRows()
          }

          const reading = keepReading()
          await Promise.all(plan.map((own, i) => play(writers[i]!, authorId, own)))
          writing = false
          await reading
          await readNewRows()
          await listener.query('select 1') // after this query, all earlier notifications have arrived

          const { rows } = await reader.query('select seq from log order by seq')
          const committed = rows.map((row) => Number(row.seq))
          expect(committed).not.to.be.empty
          expect(read, 'rows that the reader saw').to.deep.equal(committed)
          expect(notified, 'the order of notifications').to.deep.equal(committed)
        },
      ),
      { numRuns: 5, endOnFailure: true },
    )
  })

  it('refuses transactions above READ COMMITTED', async () => {
    const client = await connect()
    await client.query("insert into users (username, password_hash) values ('late', 'x')")
    for (const level of ['repeatable read', 'serializable']) {
      await client.query(`begin isolation level ${level}`)
      await client.query(
        "insert into posts (author_id, body) select id, 'hello' from users where username = 'late'",
      )
      const error = await client.query('commit').catch((thrown: Error) => thrown)
      expect(error).to.be.instanceOf(Error).with.property('message').that.includes('READ COMMITTED')
    }
    await client.query(
      "insert into posts (author_id, body) select id, 'hello' from users where username = 'late'",
    )
  })

  it('depends on a deferrable trigger, which only the outbox has', async () => {
    const client = await connect()
    const { rows } = await client.query(`
      select t.tgrelid::regclass::text as on, t.tgname, p.proname
      from pg_constraint c
      left join pg_trigger t on t.tgconstraint = c.oid
      left join pg_proc p on p.oid = t.tgfoid
      where c.condeferrable`)
    expect(rows).to.deep.equal([{ on: 'outbox', tgname: '_900_log', proname: 'tg_outbox__log' }])
  })
})

async function play(client: pg.Client, authorId: string, transactions: Transaction[]): Promise<void> {
  for (const { steps, end } of transactions) {
    await client.query('begin')
    for (const { action, wait } of steps) {
      if (action === 'rolled back savepoint') await client.query('savepoint maybe')
      await client.query("insert into posts (author_id, body) values ($1, 'hello')", [authorId])
      if (action === 'rolled back savepoint') await client.query('rollback to savepoint maybe')
      await client.query('select pg_sleep($1)', [wait / 1000])
    }
    await client.query(end)
  }
}

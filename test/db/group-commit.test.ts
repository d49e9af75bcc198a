import { expect } from 'chai'
import pg from 'pg'
import { createGroupQueue, type Gather } from '../../src/db/group/queue.ts'
import { createGroupSession, type GroupSession } from '../../src/db/group/session.ts'
import { connectionConfig, createDb, sql, type DatabasePool, type Write } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { toHttpError } from '../../src/web/error-handler.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

/** The advisory lock that the commit of a note takes, so that a test can hold up a group at its commit. */
const COMMIT_LOCK = 77

describe('group commit', () => {
  const database = useDatabase()
  let db: DatabasePool
  let session: GroupSession
  let gather: Gather
  let write: Write
  let holder: pg.Client
  before(async () => {
    await database.query('create table rows (id int primary key)')
    await database.query('insert into rows select generate_series(1, 100)')
    await database.query(`
      create table notes (
        id int generated always as identity,
        body text not null check (body <> 'invalid'),
        lock_timeout text,
        -- The same for all notes of a transaction. Subtransactions have numbers of their own in xmin.
        transaction xid8 not null default pg_current_xact_id()
      )`)
    await database.query(`
      create function note_commit() returns trigger language plpgsql as $$
      begin
        if new.body = 'refused at commit' then raise exception 'refused'; end if;
        if new.body <> 'unlocked' then perform pg_advisory_xact_lock(${COMMIT_LOCK}); end if;
        update notes set lock_timeout = current_setting('lock_timeout') where id = new.id;
        return null;
      end $$`)
    await database.query(`
      create constraint trigger commit after insert on notes deferrable initially deferred
      for each row execute function note_commit()`)
    holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
  })
  beforeEach(async () => {
    await database.query('truncate notes restart identity')
    db = await createDb(database.url, { applicationName: 'alone' })
    session = createGroupSession(connectionConfig(database.url, { applicationName: 'group' }))
    gather = createGroupQueue(session)
    write = createWrite(db, gather)
  })
  afterEach(async () => {
    await holder.query('rollback')
    await Promise.all([db.end(), session.end()])
  })
  after(() => holder.end())

  const waiting = (count: number) =>
    eventually(
      () => database.countLockWaits(),
      (found) => found === count,
    )
  const errorOf = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => toHttpError(error),
    )
  const listNotes = () =>
    database.query<{ body: string; transaction: string; lock_timeout: string }>(
      'select * from notes order by id',
    )
  const bodies = async () => (await listNotes()).map(({ body }) => body)

  /** Locks the row, as a like locks its post, and inserts a note. Returns what the statement saw of its transaction. */
  interface Seen {
    lock_timeout: string
    views_lock: boolean
  }
  const insert = (row: number, body: string) => sql.row<Seen>()`
    with locked as (select id from rows where id = ${row} for no key update)
    insert into notes (body)
    select ${body} from locked
    returning
      current_setting('lock_timeout') as lock_timeout,
      exists (
        select from pg_locks where pid = pg_backend_pid() and classid = 7230 and objid = 2 and mode = 'ShareLock'
      ) as views_lock`
  const note = (row: number, body: string) => write.statement(insert(row, body), `rows ${row}`)

  /** Starts writes that form one group, because another group has not finished its commit when they arrive. */
  async function together<T>(
    start: () => Promise<T>[],
  ): Promise<{ results: Promise<T[]>; release(): Promise<unknown> }> {
    await holder.query(`begin; select pg_advisory_xact_lock(${COMMIT_LOCK})`)
    const first = note(100, 'first')
    await waiting(1)
    const results = Promise.all(start())
    return {
      results,
      release: async () => {
        await holder.query('commit')
        await first
      },
    }
  }
  async function groupOf<T>(start: () => Promise<T>[]): Promise<T[]> {
    const { results, release } = await together(start)
    await release()
    return results
  }

  it('commits up to 60 concurrent writes in one transaction, and never delays a single write', async () => {
    await groupOf(() => Array.from({ length: 70 }, (_, n) => note(n + 1, `note ${n}`)))
    const sizes = new Map<string, number>()
    for (const { transaction } of await listNotes()) sizes.set(transaction, (sizes.get(transaction) ?? 0) + 1)
    expect([...sizes.values()]).to.deep.equal([1, 60, 10])
  })

  it('runs writes of several statements, and writes that name no row, in transactions of their own', async () => {
    await groupOf(() => [1, 2].map((row) => write((tx) => tx.any(insert(row, 'unlocked')))))
    expect(new Set((await listNotes()).map(({ transaction }) => transaction)).size).to.equal(3)
  })

  it('sorts the writes of a group by row', async () => {
    await groupOf(() => [10, 9, 50, 1].map((row) => note(row, `row ${row}`)))
    expect(await bodies()).to.deep.equal(['first', 'row 1', 'row 9', 'row 10', 'row 50'])
  })

  it('takes the lock of the views before the first row', async () => {
    const seen = await groupOf(() => [1, 2].map((row) => note(row, 'a note')))
    expect(seen.flat().map(({ views_lock }) => views_lock)).to.deep.equal([true, true])
    const [alone] = await note(3, 'alone')
    expect(alone?.views_lock).to.equal(true)
  })

  it('undoes a write that fails, and commits its neighbours in the same transaction', async () => {
    const errors = await groupOf(() =>
      ['a', 'invalid', 'b', 'invalid', 'c'].map((body, n) => errorOf(note(n + 1, body))),
    )
    expect(errors.map((error) => error?.status ?? 200)).to.deep.equal([200, 500, 200, 500, 200])
    expect(await bodies()).to.deep.equal(['first', 'a', 'b', 'c'])
    expect(new Set((await listNotes()).slice(1).map(({ transaction }) => transaction)).size).to.equal(1)
  })

  it('rolls back a single write that fails, and commits the next one', async () => {
    expect((await errorOf(note(1, 'invalid')))?.status).to.equal(500)
    await note(1, 'valid')
    expect(await bodies()).to.deep.equal(['valid'])
  })

  it('runs the writes of a locked row in transactions of their own, and commits the others meanwhile', async () => {
    const psql = new pg.Client({ connectionString: database.url })
    await psql.connect()
    await psql.query('begin; select from rows where id = 2 for update')
    const finished: string[] = []
    const { results, release } = await together(() =>
      [1, 2, 2, 3].map(async (row, n) => {
        await note(row, `${row}`)
        finished.push(`${row}.${n}`)
      }),
    )
    await release()
    await eventually(() => finished.length === 2)
    expect(finished).to.have.members(['1.0', '3.3'])
    const later = note(2, 'also alone')
    await psql.query('commit')
    await Promise.all([results, later])
    expect(await bodies()).to.have.members(['first', '1', '3', '2', '2', 'also alone'])
    await psql.end()
  })

  it('waits for locks 100 ms in total, not per write', async () => {
    const psql = new pg.Client({ connectionString: database.url })
    await psql.connect()
    await psql.query('begin; select from rows where id = 1 for update')
    const { results, release } = await together(() => [
      note(1, 'locked'),
      ...[2, 3].map((row) => note(row, '')),
    ])
    await release()
    await eventually(async () => (await bodies()).length === 3)
    await psql.query('commit')
    const [, ...others] = await results
    expect(others.flat().map(({ lock_timeout }) => lock_timeout)).to.deep.equal(['1ms', '1ms'])
    await psql.end()
  })

  it('waits longer for the lock of the log at its commit', async () => {
    await groupOf(() => [1, 2].map((row) => note(row, 'a note')))
    expect((await listNotes()).map(({ lock_timeout }) => lock_timeout)).to.deep.equal(['1s', '1s', '1s'])
  })

  it('repeats the writes one by one if the commit is refused', async () => {
    const errors = await groupOf(() =>
      ['a', 'refused at commit', 'b'].map((body, n) => errorOf(note(n + 1, body))),
    )
    expect(errors.map((error) => error?.status ?? 200)).to.deep.equal([200, 500, 200])
    expect(await bodies()).to.have.members(['first', 'a', 'b'])
    expect(new Set((await listNotes()).map(({ transaction }) => transaction)).size).to.equal(3)
  })

  it('answers 503 and repeats nothing if the connection is lost during the commit', async () => {
    await holder.query(`begin; select pg_advisory_xact_lock(${COMMIT_LOCK})`)
    const first = errorOf(note(1, 'first'))
    await waiting(1)
    const second = errorOf(note(2, 'second'))
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'group'`,
    )
    expect((await first)?.status).to.equal(503)
    // The next group has a new connection.
    await waiting(1)
    await holder.query('commit')
    expect(await second).to.equal(null)
    expect(await bodies()).to.deep.equal(['second'])
  })

  it('never runs a write whose caller has given up', async () => {
    const { release } = await together(() => [])
    const late = await errorOf(
      gather({ text: `insert into notes (body) values ('late')`, values: [], row: 'rows 1' }, 1),
    )
    expect(late?.status).to.equal(503)
    await release()
    await note(1, 'next')
    expect(await bodies()).to.deep.equal(['first', 'next'])
  })

  it('refuses writes at once when the queue is full: 600 writes, or 4 MB', async () => {
    const small = await together(() =>
      Array.from({ length: 700 }, (_, n) => errorOf(note((n % 90) + 1, 'unlocked'))),
    )
    await small.release()
    expect((await small.results).filter((error) => error?.status === 503).length).to.equal(100)
    const large = await together(() =>
      Array.from({ length: 100 }, (_, n) => errorOf(note(n + 1, `unlocked ${'x'.repeat(20_000)}`))),
    )
    await large.release()
    const refused = (await large.results).filter((error) => error?.status === 503).length
    expect(refused).to.be.within(30, 34)
  })

  it('has a time limit, after which the next group takes the rest', async () => {
    const slow = () =>
      write.statement(
        sql.row<object>()`insert into notes (body) select 'slow' from pg_sleep(1.2) returning 1 as one`,
        'rows 2',
      )
    await groupOf(() => [note(1, 'before'), slow(), note(3, 'after')] as Promise<unknown>[])
    const notes = await listNotes()
    expect(notes.map(({ body }) => body)).to.have.members(['first', 'before', 'after', 'slow'])
    expect(new Set(notes.map(({ transaction }) => transaction)).size).to.equal(4)
  })

  it('repeats a group whose named statements a migration has made invalid', async () => {
    const select = () =>
      write.statement(sql.row<object>()`insert into notes (body) values ('unlocked') returning *`, 'rows 1')
    for (let n = 0; n < 10; n++) await select()
    await database.query('alter table notes add column extra int default 7')
    expect((await select())[0]).to.include({ body: 'unlocked', extra: 7 })
    await database.query('alter table notes drop column extra')
    expect((await bodies()).length).to.equal(11)
  })
})

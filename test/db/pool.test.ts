import { expect } from 'chai'
import pg from 'pg'
import { createDb, sql, type DatabasePool, type Db, type Write } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { toHttpError } from '../../src/web/error-handler.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

describe('write transactions', () => {
  const database = useDatabase()
  let db: DatabasePool
  let write: Write
  let holder: pg.Client
  before(async () => {
    db = await createDb(database.url, { applicationName: 'writers' })
    write = createWrite(db)
    holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
  })
  after(async () => {
    await holder.end()
    await db.end()
  })
  beforeEach(() => holder.query('begin; select pg_advisory_xact_lock(42)'))
  afterEach(() => holder.query('rollback'))

  const lock = (tx: Db) => tx.query(sql.command`select pg_advisory_xact_lock(42)`)
  const one = (tx: Db) => tx.oneFirst(sql.row<{ one: number }>()`select 1 as one`)
  const errorOf = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => toHttpError(error),
    )
  const untilWaiting = (count: number) =>
    eventually(
      () => database.countLockWaits(),
      (waiting) => waiting === count,
    )

  it('hold at most 5 of the 9 connections of the pool, and reads use the others', async () => {
    const writes = Array.from({ length: 20 }, () => errorOf(write(lock)))
    await untilWaiting(5)
    expect(await Promise.all(Array.from({ length: 30 }, () => one(db)))).to.deep.equal(Array(30).fill(1))
    expect(await database.countLockWaits(), 'writes with a connection').to.equal(5)
    const errors = await Promise.all(writes)
    expect(new Set(errors.map((error) => error?.status))).to.deep.equal(new Set([503]))
    expect(errors.every((error) => Number(error?.retryAfter) > 0)).to.equal(true)
  })

  it('to the same row hold at most 2 connections, and writes to other rows use the others', async () => {
    const writes = Array.from({ length: 20 }, () => errorOf(write(lock, 'posts 1')))
    await untilWaiting(2)
    expect(
      await Promise.all(Array.from({ length: 10 }, (_, n) => write(one, `posts ${n + 2}`))),
    ).to.deep.equal(Array(10).fill(1))
    expect(await database.countLockWaits()).to.equal(2)
    await holder.query('rollback')
    const errors = await Promise.all(writes)
    expect(
      errors.filter((error) => error === null),
      'some succeed after the lock is released',
    ).not.to.deep.equal([])
  })

  it('get 503 at once when the queue is full', async () => {
    const writes = Array.from({ length: 300 }, () => errorOf(write(lock)))
    expect((await Promise.race(writes))?.status).to.equal(503)
    await untilWaiting(5)
    await holder.query('rollback')
    expect((await Promise.all(writes)).filter((error) => error === null).length).to.be.greaterThan(90)
  })

  it('wait at most one second for a lock, and keep their connection usable', async () => {
    const alone = await createDb(database.url, { applicationName: 'alone', maxPoolSize: 1 })
    const pid = () => alone.oneFirst(sql.row<{ pid: number }>()`select pg_backend_pid() as pid`)
    const before = await pid()
    const error = await errorOf(createWrite(alone)(lock))
    expect(error).to.include({ status: 503, code: 'unavailable' })
    expect(await pid(), 'the same connection').to.equal(before)
    const timeout = await alone.oneFirst(sql.row<{ timeout: string }>()`
      select current_setting('lock_timeout') as timeout`)
    expect(timeout, 'outside the transaction').to.equal('0')
    await alone.end()
  })
})

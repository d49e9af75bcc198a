import { expect } from 'chai'
import { createDb, sql, type DatabasePool } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { createStatementNames, MAX_NAMES, RUNS_BEFORE_NAME } from '../../src/db/statement-names.ts'
import { toHttpError } from '../../src/web/error-handler.ts'
import { useDatabase } from '../support/database.ts'

describe('named statements', () => {
  const database = useDatabase()
  let db: DatabasePool
  beforeEach(async () => {
    // One connection, so that a test knows which connection its statements run on.
    db = await createDb(database.url, { applicationName: 'names', maxPoolSize: 1 })
    await database.query('drop table if exists notes')
    await database.query('create table notes (id int generated always as identity, body text)')
    await database.query('drop function if exists answer')
    await database.query('create function answer() returns int language sql return 1')
  })
  afterEach(() => db.end())

  const pid = () => db.oneFirst(sql.row<{ pid: number }>()`select pg_backend_pid() as pid`)
  const listPrepared = () =>
    db.anyFirst(sql.row<{ statement: string }>()`select statement from pg_prepared_statements`)
  const isPrepared = async (part: string) => (await listPrepared()).some((text) => text.includes(part))
  const listNotes = () => db.any(sql.row<{ id: number; body: string }>()`select * from notes`)
  async function repeat(work: () => Promise<unknown>): Promise<void> {
    for (let n = 0; n <= RUNS_BEFORE_NAME; n++) await work()
  }

  it('are prepared on a connection when they run often, and not when they run seldom', async () => {
    await repeat(listNotes)
    await db.query(sql.command`select from notes where id = ${1}`)
    expect(await isPrepared('select * from notes')).to.equal(true)
    expect(await isPrepared('where id =')).to.equal(false)
  })

  it('are limited in number, and statements with many shapes stay unnamed', () => {
    const nameOf = createStatementNames()
    const run = (text: string, runs: number) => Array.from({ length: runs }, () => nameOf(text)).at(-1)
    const shapes = Array.from({ length: 5_000 }, (_, n) => run(`shape ${n}`, RUNS_BEFORE_NAME))
    expect(new Set(shapes)).to.deep.equal(new Set([undefined]))
    const names = Array.from({ length: MAX_NAMES + 20 }, (_, n) => run(`text ${n}`, RUNS_BEFORE_NAME + 1))
    expect(names.slice(MAX_NAMES)).to.deep.equal(Array(20).fill(undefined))
    expect(new Set(names.slice(0, MAX_NAMES)).size).to.equal(MAX_NAMES)
    expect(nameOf('text 0')).to.equal(names[0])
  })

  it('are not used if the configuration says so', async () => {
    const unnamed = await createDb(database.url, { applicationName: 'unnamed', maxPoolSize: 1, names: false })
    await repeat(() => unnamed.query(sql.command`select from notes`))
    expect(await unnamed.any(sql.row<object>()`select name from pg_prepared_statements`)).to.deep.equal([])
    await unnamed.end()
  })

  it('follow a migration that adds a column, on a new connection', async () => {
    await database.query(`insert into notes (body) values ('a note')`)
    await repeat(listNotes)
    const before = await pid()
    await database.query('alter table notes add column at int default 7')
    expect(await listNotes()).to.deep.equal([{ id: 1, body: 'a note', at: 7 }])
    expect(await pid()).not.to.equal(before)
    expect(await listNotes()).to.deep.equal([{ id: 1, body: 'a note', at: 7 }])
  })

  it('use a replaced function at once, and keep their connection', async () => {
    const answer = () => db.oneFirst(sql.row<{ answer: number }>()`select answer() as answer`)
    await repeat(answer)
    const before = await pid()
    await database.query('create or replace function answer() returns int language sql return 2')
    expect(await answer()).to.equal(2)
    expect(await pid()).to.equal(before)
  })

  it('survive a pooler that forgets them', async () => {
    await repeat(listNotes)
    await db.query(sql.command`deallocate all`)
    expect(await listNotes()).to.deep.equal([])
  })

  it('are repeated at the beginning of a transaction', async () => {
    const write = createWrite(db)
    const insert = () =>
      write((tx) => tx.one(sql.row<object>()`insert into notes (body) values ('a note') returning *`))
    await repeat(insert)
    await database.query('alter table notes add column at int default 7')
    expect(await insert()).to.include({ body: 'a note', at: 7 })
    expect((await listNotes()).length).to.equal(RUNS_BEFORE_NAME + 2)
  })

  it('are not repeated after a write of the same transaction, which is rolled back and answered with 503', async () => {
    const write = createWrite(db)
    const insert = () =>
      write(async (tx) => {
        await tx.query(sql.command`insert into notes (body) values ('a note')`)
        return tx.any(sql.row<object>()`select * from notes where id < 0`)
      })
    await repeat(insert)
    const before = await pid()
    await database.query('alter table notes add column at int default 7')
    const error = await insert().then(
      () => null,
      (reason: unknown) => toHttpError(reason),
    )
    expect(error?.status).to.equal(503)
    expect((await listNotes()).length).to.equal(RUNS_BEFORE_NAME + 1)
    expect(await pid()).not.to.equal(before)
    expect(await insert()).to.deep.equal([])
  })
})

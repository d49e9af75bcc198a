import { expect } from 'chai'
import { createDb, type DatabasePool } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { trimLog } from '../../src/stream/log/upkeep.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers } from '../support/people.ts'

describe('the upkeep of the log', () => {
  const database = useDatabase()
  let db: DatabasePool

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    await insertUsers(db, ['ann'])
  })
  after(() => db.end())
  beforeEach(async () => {
    await database.query('truncate log')
    await database.query(
      "insert into posts (author_id, body) select 1, 'post ' || n from generate_series(1, 10) n",
    )
  })

  const ages = (hours: number[]) =>
    database.query(
      `update log set at = now() - make_interval(hours => ($1::int[])[seq - (select min(seq) from log) + 1])`,
      [hours],
    )
  const trim = (chunk?: number) => createWrite(db)((tx) => trimLog(tx, chunk ? { chunk } : {}))
  const left = async () => (await database.query('select seq from log')).length

  it('deletes events that are older than a day, and no others', async () => {
    await ages([30, 28, 26, 25, 23, 20, 10, 5, 1, 0])
    expect(await trim()).to.equal(4)
    expect(await left()).to.equal(6)
    expect(await trim()).to.equal(0)
  })

  it('deletes in chunks, so that transactions are short', async () => {
    await ages(Array.from({ length: 10 }, () => 30))
    expect([await trim(4), await trim(4), await trim(4)]).to.deep.equal([4, 4, 1])
  })

  it('keeps the newest event, however old, because it is the cursor of open pages', async () => {
    await ages(Array.from({ length: 10 }, () => 1_000))
    await trim()
    expect(await left()).to.equal(1)
  })

  it('runs on one instance at a time', async () => {
    await ages(Array.from({ length: 10 }, () => 30))
    await createWrite(db)(async (tx) => {
      expect(await trimLog(tx)).to.equal(9)
      expect(await trim(), 'before the first commits').to.equal(0)
    })
  })
})

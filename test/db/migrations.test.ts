import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import pg from 'pg'
import { migrate } from '../../src/db/migrations.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { insertUsers } from '../support/people.ts'
import { createDb } from '../../src/db/pool.ts'

describe('migrate', () => {
  const database = useDatabase()
  let dir: string
  let author: string
  let holder: pg.Client
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'koafeed-migrations-'))
    cpSync(join(import.meta.dirname, '../../migrations'), dir, { recursive: true })
    const db = await createDb(database.url, { applicationName: 'test' })
    author = (await insertUsers(db, ['ann']))[0]!.id
    await db.end()
    holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
  })
  after(async () => {
    await holder.end()
    rmSync(dir, { recursive: true, force: true })
  })

  const columns = async () =>
    (
      await database.query<{ column_name: string }>(
        `select column_name from information_schema.columns where table_name = 'posts' and column_name like 'note%'`,
      )
    ).map(({ column_name }) => column_name)

  it('does not block writes while it waits for a long transaction, and succeeds afterwards', async function () {
    this.timeout(30_000)
    writeFileSync(join(dir, '9001_note.sql'), '-- Up Migration\nalter table posts add column note text;\n')
    await holder.query('begin; select from posts')
    const lines: string[] = []
    const migrated = migrate(database.url, (line) => lines.push(line), { dir })
    let inserts = 0
    await eventually(
      async () => {
        await database.query(`insert into posts (author_id, body) values (${author}, 'written meanwhile')`)
        inserts += 1
        return lines.length
      },
      (attempts) => attempts >= 2,
      { timeout: 20_000, what: 'two attempts to get the lock' },
    )
    expect(inserts).to.be.greaterThan(10)
    expect(lines[0]).to.match(/9001_note|lock/)
    expect(await columns()).to.deep.equal([])
    await holder.query('rollback')
    await migrated
    expect(await columns()).to.deep.equal(['note'])
  })

  it('does not retry a migration that fails for another reason, and reports the reason', async () => {
    writeFileSync(join(dir, '9002_note.sql'), '-- Up Migration\nalter table posts add column note text;\n')
    const lines: string[] = []
    const error: unknown = await migrate(database.url, (line) => lines.push(line), { dir }).catch(
      (thrown: unknown) => thrown,
    )
    expect(String(error)).to.contain('already exists')
    expect(lines.filter((line) => /again/.test(line))).to.deep.equal([])
  })
})

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

  describe('with a new function', () => {
    let folder: string
    let dirs: { dir: string; sqlDir: string }
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'koafeed-migrations-'))
      dirs = { dir: join(folder, 'migrations'), sqlDir: join(folder, 'sql') }
      cpSync(dir, dirs.dir, { recursive: true })
      rmSync(join(dirs.dir, '9002_note.sql'), { force: true })
      cpSync(join(import.meta.dirname, '../../sql'), dirs.sqlDir, { recursive: true })
    })
    after(() => rmSync(folder, { recursive: true, force: true }))

    /** The migration has a placeholder, and `sql/` the function. */
    function addTrigger(name: string): void {
      writeFileSync(
        join(dirs.dir, `${name}.sql`),
        `-- Up Migration
create function tg_new() returns trigger language plpgsql as $$ begin raise 'sql/ is not applied'; end $$;
create trigger _150_new before insert on posts for each row execute function tg_new();
`,
      )
      writeFileSync(
        join(dirs.sqlDir, '95_new.sql'),
        `create or replace function tg_new() returns trigger language plpgsql as $$ begin return new; end $$;`,
      )
    }
    const countTriggers = async () =>
      (await database.query(`select from pg_trigger where tgname = '_150_new'`)).length

    it('leaves the migration undone if a file of sql/ fails, and names the file and the line', async () => {
      addTrigger('9003_new')
      const broken = join(dirs.sqlDir, '96_broken.sql')
      writeFileSync(broken, 'select 1;\nselect no_such_function();')
      const error: unknown = await migrate(database.url, () => {}, dirs).catch((thrown: unknown) => thrown)
      rmSync(broken)
      expect(String(error)).to.contain('sql/96_broken.sql:2')
      expect(await countTriggers()).to.equal(0)
    })

    it('never lets a write fire the trigger without its function', async () => {
      // sql/ takes longer than several writes, which would all fail if the migration were committed before.
      writeFileSync(join(dirs.sqlDir, '94_slow.sql'), 'select pg_sleep(0.3);')
      let isDone = false
      let writes = 0
      const writing = (async () => {
        while (!isDone) {
          await database.query(`insert into posts (author_id, body) values (${author}, 'meanwhile')`)
          writes += 1
        }
      })()
      writing.catch(() => {})
      const untilMoreWrites = (more: number) =>
        eventually(
          () => writes,
          (count) => count >= more,
        )
      await untilMoreWrites(5)
      await migrate(database.url, () => {}, dirs)
      await untilMoreWrites(writes + 5)
      isDone = true
      await writing
      expect(await countTriggers()).to.equal(1)
    })
  })
})

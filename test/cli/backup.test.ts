import { expect } from 'chai'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { migrate } from '../../src/db/migrations.ts'
import { runCli } from '../support/cli.ts'
import { client } from '../support/http.ts'
import { startInstance, stopInstances } from '../support/servers/instance.ts'
import {
  findInstalled,
  startInstalled,
  type InstalledPostgres,
} from '../support/servers/installed-postgres.ts'
import { openStream } from '../support/streams/sse.ts'

const bin = findInstalled()

describe('npm run admin -- backup and restore', function () {
  this.timeout(60_000)
  let dir: string
  let server: InstalledPostgres
  before(async function () {
    if (bin === null) return this.skip()
    dir = fs.mkdtempSync(join(tmpdir(), 'koafeed-backup-'))
    server = await startInstalled(bin)
  })
  after(() => {
    server?.stop()
    if (dir) fs.rmSync(dir, { recursive: true, force: true })
  })
  const path = `${bin}${delimiter}${process.env.PATH}`
  const run = (url: string, ...args: string[]) => runCli(args, { env: { DATABASE_URL: url, PATH: path } })

  it('restore every row, and every client of the earlier site loads its page again', async () => {
    const url = server.createDatabase('site')
    await migrate(url, () => {})
    const first = await startInstance({ databaseUrl: url })
    const ann = await client(first.origin).register('ann')
    const { post } = (await ann.post('/posts', { body: 'before the backup' })).json
    const file = join(dir, 'site.dump')
    expect(await run(url, 'backup', file)).to.include({ code: 0, stdout: `Wrote ${file}\n` })
    const rowsBefore = await contents(url)
    await run(url, 'reset-link', 'ann')
    await ann.post('/posts', { body: 'after the backup' })
    const cursor = (await ann.get('/public')).json.seq
    expect((await run(url, 'restore', file, '--replace')).stderr).to.contain('Stop them first')
    await stopInstances(url)

    const target = server.createDatabase('restored')
    const restored = await run(target, 'restore', file)
    expect(restored.code, restored.stderr).to.equal(0)
    expect(await contents(target)).to.deep.equal(rowsBefore)
    expect((await run(target, 'verify')).code).to.equal(0)

    const second = await startInstance({ databaseUrl: target })
    const page = (await client(second.origin).get('/public')).json
    expect(page.posts.map(({ body }: { body: string }) => body)).to.deep.equal(['before the backup'])
    expect((await client(second.origin).login('ann')).status).to.equal(200)
    const stream = await openStream(`${second.origin}/public/stream?after=${cursor}`)
    await stream.next(({ event }) => event === 'reset')
    const again = client(second.origin)
    await again.login('ann')
    await again.post(`/posts/${post.id}/like`)
    const like = await stream.next(({ event }) => event === 'like')
    expect(Number(like.id)).to.be.above(Number(cursor) + 1_000_000)
    stream.close()
    await stopInstances(target)
  })

  it('refuse a database that is not empty, unless --replace says so', async () => {
    const url = server.createDatabase('full')
    await migrate(url, () => {})
    const file = join(dir, 'full.dump')
    await run(url, 'backup', file)
    await execute(url, `insert into users (username, password_hash) values ('late', 'x')`)
    const refused = await run(url, 'restore', file)
    expect(refused.code).to.equal(1)
    expect(refused.stderr).to.contain('The database is not empty')
    expect(await execute(url, 'select username from users')).to.deep.equal([{ username: 'late' }])
    const replaced = await run(url, 'restore', file, '--replace', '--above', '5000000')
    expect(replaced.code, replaced.stderr).to.equal(0)
    expect(await execute(url, 'select username from users')).to.deep.equal([])
    expect(await execute(url, 'select seq, event from log')).to.deep.equal([
      { seq: '5000001', event: 'restored' },
    ])
  })

  it('have a last step of their own, for a backup that was restored by other means', async () => {
    const url = server.createDatabase('by_hand')
    await migrate(url, () => {})
    await execute(url, `insert into users (username, password_hash) values ('ann', 'x')`)
    await execute(url, `insert into posts (author_id, body) select id, 'x' from users`)
    expect((await run(url, 'after-restore', '--above', 'x')).code).to.equal(1)
    expect((await run(url, 'after-restore', '--above', '700')).code).to.equal(0)
    expect(await execute(url, 'select seq, event from log')).to.deep.equal([
      { seq: '701', event: 'restored' },
    ])
  })

  it('refuse a file that exists, one that is missing, and one that is not a backup', async () => {
    const url = server.createDatabase('other')
    await migrate(url, () => {})
    const file = join(dir, 'text')
    fs.writeFileSync(file, 'not a backup')
    expect((await run(url, 'backup', file)).stderr).to.contain('exists already')
    expect(fs.readFileSync(file, 'utf8')).to.equal('not a backup')
    const empty = server.createDatabase('empty')
    expect((await run(empty, 'restore', join(dir, 'missing'))).stderr).to.contain('does not exist')
    const broken = await run(empty, 'restore', file)
    expect(broken.code).to.equal(1)
    expect(broken.stderr).to.contain('pg_restore failed')
  })

  it('say what to do where pg_dump is missing or too old', async () => {
    const file = join(dir, 'none.dump')
    const none = { DATABASE_URL: server.url, PATH: dir }
    const missing = await runCli(['backup', file], { env: none })
    expect(missing.code).to.equal(1)
    expect(missing.stderr).to.contain('pg_dump is not installed').and.contain('docs/community.md')
    const fake = join(dir, 'pg_dump')
    fs.writeFileSync(fake, '#!/bin/sh\necho "pg_dump (PostgreSQL) 13.4"\n', { mode: 0o755 })
    const old = await runCli(['backup', file], { env: { ...none, PATH: `${dir}${delimiter}/bin` } })
    expect(old.stderr).to.contain('pg_dump has version 13, and the database has version')
    expect(fs.existsSync(file)).to.equal(false)
  })

  /** All rows of all tables, except the log and what is unlogged. */
  async function contents(url: string): Promise<unknown> {
    const tables = await execute<{ name: string }>(
      url,
      `select relname as name from pg_class
       where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p' and relname <> 'log'
       order by 1`,
    )
    const all: Record<string, unknown> = {}
    for (const { name } of tables)
      all[name] = await execute(url, `select t::text as row from "${name}" t order by 1`)
    return all
  }
})

async function execute<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<Row[]> {
  const connection = new pg.Client({ connectionString: url })
  await connection.connect()
  try {
    return (await connection.query<Row>(statement)).rows
  } finally {
    await connection.end()
  }
}

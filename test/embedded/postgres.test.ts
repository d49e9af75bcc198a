import { expect } from 'chai'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { ensurePostgres, startPostgres, type EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { eventually } from '../support/eventually.ts'

describe('the embedded PostgreSQL', () => {
  let dataDir: string
  let running: EmbeddedPostgres[]

  const start = async (dir = dataDir) => {
    const server = await startPostgres({ dataDir: dir, log: () => {}, throwaway: true })
    running.push(server)
    return server
  }

  beforeEach(() => {
    dataDir = fs.mkdtempSync(join(tmpdir(), 'koafeed-postgres-'))
    fs.chmodSync(dataDir, 0o755)
    running = []
  })

  afterEach(async () => {
    await Promise.all(running.map((server) => server.stop()))
    remove(dataDir)
  })

  it('finds at the second start the data of the first', async () => {
    const first = await start()
    await query(first.url, `create table kept as select 'still here' as word`)
    await first.stop()
    expect(await asks(first.url)).to.equal(false)
    const second = await start()
    expect(await query(second.url, 'select word from kept')).to.deep.equal([{ word: 'still here' }])
  })

  it('keeps text as UTF-8, asks for a password, and keeps that to itself', async () => {
    const { url } = await start()
    expect(await query(url, 'show server_encoding')).to.deep.equal([{ server_encoding: 'UTF8' }])
    expect(await asks(url.replace(/:[^:@]+@/, ':wrong@'))).to.equal(false)
    for (const name of ['postgres-password', 'database-url']) {
      expect(fs.statSync(join(dataDir, name)).mode & 0o077, name).to.equal(0)
    }
  })

  it('recovers where the server was killed', async () => {
    const first = await start()
    await query(first.url, `create table kept as select 'still here' as word; checkpoint`)
    process.kill(serverPid(dataDir), 'SIGKILL')
    await eventually(
      () => asks(first.url),
      (answers) => answers === false,
    )
    await first.stop()
    const second = await start()
    expect(await query(second.url, 'select word from kept')).to.deep.equal([{ word: 'still here' }])
  })

  it('uses the server that outlived a killed KoaFeed', async () => {
    const { child, url } = await holder(dataDir)
    await kill(child)
    const pid = serverPid(dataDir)
    const next = await start()
    expect(next.url).to.equal(url)
    expect(serverPid(dataDir)).to.equal(pid)
    await next.stop()
    expect(await asks(url)).to.equal(false)
  })

  it('recovers where both were killed, and its number now belongs to another program', async () => {
    const { child } = await holder(dataDir)
    const pid = serverPid(dataDir)
    await kill(child)
    process.kill(pid, 'SIGKILL')
    await eventually(
      () => fs.existsSync(`/proc/${pid}/cwd`),
      (alive) => !alive,
    )
    const file = join(dataDir, 'postgres/data/postmaster.pid')
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/^\d+/, String(process.pid)))
    expect(await query((await start()).url, 'select 1 as one')).to.deep.equal([{ one: 1 }])
  })

  it('is refused to a second KoaFeed while the first lives, and lent to a tool', async () => {
    const { child, url } = await holder(dataDir)
    expect(await messageOf(start()))
      .to.contain(`process ${child.pid}`)
      .and.contain('DATA_DIR')
    const lent = await ensurePostgres({ dataDir, log: () => {} })
    expect(lent.url).to.equal(url)
    await lent.stop()
    expect(await asks(url)).to.equal(true)
    await kill(child)
    await start()
  })

  it('makes its data anew after an interrupted first start', async () => {
    const half = join(dataDir, 'postgres/data.new')
    fs.mkdirSync(half, { recursive: true })
    fs.writeFileSync(join(half, 'PG_VERSION'), '18')
    expect(await query((await start()).url, 'select 1 as one')).to.deep.equal([{ one: 1 }])
    expect(fs.existsSync(half)).to.equal(false)
  })

  it('names the versions when the data is of another PostgreSQL', async () => {
    fs.mkdirSync(join(dataDir, 'postgres/data'), { recursive: true })
    fs.writeFileSync(join(dataDir, 'postgres/data/PG_VERSION'), '17\n')
    expect(await messageOf(start()))
      .to.contain('PostgreSQL 17')
      .and.contain('PostgreSQL 18')
  })

  it('works for root below a folder that only root can enter', async function () {
    if (process.getuid?.() !== 0) this.skip()
    fs.chmodSync(dataDir, 0o700)
    const first = await start(join(dataDir, 'checkout/.data'))
    await query(first.url, `create table kept as select 'still here' as word`)
    await first.stop()
    const second = await start(join(dataDir, 'checkout/.data'))
    expect(fs.statSync(dataDir).mode & 0o077).to.equal(0)
    expect(await query(second.url, 'select word from kept')).to.deep.equal([{ word: 'still here' }])
  })
})

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function asks(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  )
}

async function holder(dataDir: string) {
  const child = fork(join(import.meta.dirname, '../support/postgres-holder.ts'), [dataDir], { execArgv: [] })
  const [message] = (await once(child, 'message')) as [{ url: string }]
  return { child, url: message.url }
}

async function kill(child: ReturnType<typeof fork>): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

function serverPid(dataDir: string): number {
  return Number(fs.readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0])
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => '',
    (error: Error) => error.message,
  )
}

/** With the folder elsewhere that root's data was put in. */
function remove(dataDir: string): void {
  const link = join(dataDir, 'checkout/.data/postgres')
  if (fs.existsSync(link)) fs.rmSync(fs.realpathSync(link), { recursive: true, force: true })
  fs.rmSync(dataDir, { recursive: true, force: true })
}

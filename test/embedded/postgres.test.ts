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

  it('keeps the data across a restart', async () => {
    const first = await start()
    await query(first.url, `create table kept as select 'still here' as word`)
    await first.stop()
    expect(await responds(first.url)).to.equal(false)
    const second = await start()
    expect(await query(second.url, 'select word from kept')).to.deep.equal([{ word: 'still here' }])
  })

  it('stores text as UTF-8, requires a password, and protects the files with the password', async () => {
    const { url } = await start()
    expect(await query(url, 'show server_encoding')).to.deep.equal([{ server_encoding: 'UTF8' }])
    expect(await responds(url.replace(/:[^:@]+@/, ':wrong@'))).to.equal(false)
    for (const name of ['postgres-password', 'database-url']) {
      expect(fs.statSync(join(dataDir, name)).mode & 0o077, name).to.equal(0)
    }
  })

  it('recovers after the server was killed', async () => {
    const first = await start()
    await query(first.url, `create table kept as select 'still here' as word; checkpoint`)
    process.kill(serverPid(dataDir), 'SIGKILL')
    await eventually(
      () => responds(first.url),
      (isUp) => !isUp,
    )
    await first.stop()
    const second = await start()
    expect(await query(second.url, 'select word from kept')).to.deep.equal([{ word: 'still here' }])
  })

  it('uses the server of a killed KoaFeed, if it still runs', async () => {
    const { child, url } = await forkHolder(dataDir)
    await kill(child)
    const pid = serverPid(dataDir)
    const next = await start()
    expect(next.url).to.equal(url)
    expect(serverPid(dataDir)).to.equal(pid)
    await next.stop()
    expect(await responds(url)).to.equal(false)
  })

  it('recovers after both were killed, even if another program has the pid of the server', async () => {
    const { child } = await forkHolder(dataDir)
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

  it('rejects a second KoaFeed while the first one runs, but lets a script use the database', async () => {
    const { child, url } = await forkHolder(dataDir)
    expect(await messageOf(start()))
      .to.contain(`process ${child.pid}`)
      .and.contain('DATA_DIR')
    const shared = await ensurePostgres({ dataDir, log: () => {} })
    expect(shared.url).to.equal(url)
    await shared.stop()
    expect(await responds(url)).to.equal(true)
    await kill(child)
    await start()
  })

  it('creates its data again after an interrupted first start', async () => {
    const incomplete = join(dataDir, 'postgres/data.new')
    fs.mkdirSync(incomplete, { recursive: true })
    fs.writeFileSync(join(incomplete, 'PG_VERSION'), '18')
    expect(await query((await start()).url, 'select 1 as one')).to.deep.equal([{ one: 1 }])
    expect(fs.existsSync(incomplete)).to.equal(false)
  })

  it('names both versions if the data belongs to another PostgreSQL version', async () => {
    fs.mkdirSync(join(dataDir, 'postgres/data'), { recursive: true })
    fs.writeFileSync(join(dataDir, 'postgres/data/PG_VERSION'), '17\n')
    expect(await messageOf(start()))
      .to.contain('PostgreSQL 17')
      .and.contain('PostgreSQL 18')
  })

  it('works for root in a folder that only root can enter', async function () {
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

async function responds(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  )
}

async function forkHolder(dataDir: string) {
  const child = fork(join(import.meta.dirname, '../support/servers/postgres-holder.ts'), [dataDir], {
    execArgv: [],
  })
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

/** Removes the folder, and the separate folder of root's data. */
function remove(dataDir: string): void {
  const link = join(dataDir, 'checkout/.data/postgres')
  if (fs.existsSync(link)) fs.rmSync(fs.realpathSync(link), { recursive: true, force: true })
  fs.rmSync(dataDir, { recursive: true, force: true })
}

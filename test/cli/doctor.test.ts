import { expect } from 'chai'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { migrate } from '../../src/db/migrations.ts'
import { runCli, type CliResult } from '../support/cli.ts'
import {
  findInstalled,
  startInstalled,
  type InstalledPostgres,
} from '../support/servers/installed-postgres.ts'
import { startTransactionPooler } from '../support/servers/transaction-pooler.ts'
import { useSite } from '../support/site.ts'

const SESSION_KEYS = 'a key of the doctor that is long enough to be good'

/** The results by check: "ok", "warning" or "failed", with the message. */
function resultsOf({ stdout }: CliResult): Record<string, { status: string; message: string }> {
  const lines = [...stdout.matchAll(/^(ok|warning|failed) +([^:]+): (.*)$/gm)]
  return Object.fromEntries(lines.map(([, status, name, message]) => [name, { status, message }] as never))
}

describe('npm run admin -- doctor', function () {
  this.timeout(30_000)
  const { database, instances } = useSite({ people: ['ann'] })
  const run = (env: Record<string, string> = {}, ...args: string[]) =>
    runCli(['doctor', '--origin', instances[0]!.origin, ...args], {
      env: { DATABASE_URL: database.url, SESSION_KEYS, ...env },
    })

  it('finds a site healthy, and says what it found', async () => {
    await database.query(`update users set admin = true`)
    const result = await run()
    const results = resultsOf(result)
    expect(Object.keys(results)).to.deep.equal([
      'database',
      'migrations',
      'privileges',
      'clock',
      'connections',
      'notification queue',
      'admins',
      'prepared statements',
      'direct connection',
      'LISTEN',
      'keys',
      'open files',
      'stream',
    ])
    expect(Object.values(results).map(({ status }) => status)).not.to.include('failed')
    expect(results.database!.message).to.match(/^PostgreSQL \d+/)
    expect(results.LISTEN).to.have.property('status', 'ok')
    expect(results.stream!.message).to.contain('sent the first bytes after')
    expect(result.code).to.equal(0)
  })

  it('reports a database that is not reachable, and checks the rest', async () => {
    const result = await run({ DATABASE_URL: 'postgres://nobody:secret-of-nobody@127.0.0.1:1/none' })
    const results = resultsOf(result)
    expect(results.database!.status).to.equal('failed')
    expect(results.database!.message).to.contain('ECONNREFUSED')
    expect(results.stream!.status).to.equal('ok')
    expect(result.stdout).not.to.contain('secret-of-nobody')
    expect(result.code).to.equal(1)
  })

  it('reports a database that has not been migrated', async () => {
    const url = new URL(database.url)
    url.pathname = '/postgres'
    const { migrations } = resultsOf(await run({ DATABASE_URL: url.href }))
    expect(migrations).to.include({ status: 'failed' })
    expect(migrations!.message).to.contain('npm run migrate')
  })

  it('reports a role that may not do what the service does', async () => {
    const role = `doctor_${process.pid}`
    await database.query(`create role ${role} login password 'doctor'`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'doctor'
    await database.query(`grant select on all tables in schema public to ${role}`)
    const { privileges } = resultsOf(await run({ DATABASE_URL: url.href }))
    await database.query(`drop owned by ${role}; drop role ${role}`)
    expect(privileges).to.include({ status: 'failed' })
    expect(privileges!.message).to.contain(`The role ${role} may not read and change`)
  })

  it('reports a proxy that buffers streams, and one that does not know them', async () => {
    const silent = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const other = createServer((_request, response) => response.end('<h1>It works!</h1>'))
    const origins = await Promise.all([silent, other].map(listen))
    const [buffered, unknown] = await Promise.all(
      origins.map(async (origin) => resultsOf(await run({}, '--origin', origin)).stream!),
    )
    for (const server of [silent, other]) {
      server.closeAllConnections()
      server.close()
    }
    expect(buffered).to.include({ status: 'failed' })
    expect(buffered!.message).to.contain('A proxy buffers it')
    expect(unknown!.message).to.contain('answers 200 with no content type')
  })

  it('warns of missing keys, of few open files, and of a site without an admin', async () => {
    await database.query(`update users set admin = false`)
    const script = join(import.meta.dirname, '../../src/admin.ts')
    const command = `ulimit -n 512; exec "$0" "$1" doctor --origin ${instances[0]!.origin}`
    const env = { PATH: process.env.PATH, DATABASE_URL: database.url }
    const output = await promisify(execFile)('/bin/sh', ['-c', command, process.execPath, script], { env })
    const results = resultsOf({ code: 0, ...output })
    expect(results['open files']).to.deep.equal({
      status: 'warning',
      message: 'at most 512 per process; each stream takes one',
    })
    expect(results.keys!.status).to.equal('warning')
    expect(results.admins!.status).to.equal('warning')
  })
})

describe('npm run admin -- doctor, behind a pooler in transaction mode', function () {
  this.timeout(60_000)
  const bin = findInstalled()
  let server: InstalledPostgres
  let pooler: Awaited<ReturnType<typeof startTransactionPooler>>
  let direct: string
  let pooled: string
  before(async function () {
    if (bin === null) return this.skip()
    server = await startInstalled(bin)
    direct = server.createDatabase('site')
    await migrate(direct, () => {})
    const { hostname: host, port } = new URL(direct)
    pooler = await startTransactionPooler({ host, port: Number(port), user: 'postgres', database: 'site' })
    pooled = `postgres://postgres@127.0.0.1:${pooler.port}/site`
  })
  after(() => {
    pooler?.close()
    server?.stop()
  })
  const run = async (env: Record<string, string>) =>
    resultsOf(await runCli(['doctor', '--origin', 'http://127.0.0.1:1'], { env: { SESSION_KEYS, ...env } }))

  it('reports that LISTEN goes through it, and that prepared statements are lost', async () => {
    const results = await run({ DATABASE_URL: pooled })
    expect(results['direct connection']).to.include({ status: 'failed' })
    expect(results['direct connection']!.message).to.contain('pooler in transaction mode')
    expect(results['prepared statements']).to.include({ status: 'failed' })
    expect(results['prepared statements']!.message).to.contain('PREPARED_STATEMENTS=off')
  })

  it('accepts the pooler with a direct connection for LISTEN', async () => {
    const env = { DATABASE_URL: pooled, LISTEN_DATABASE_URL: direct, PREPARED_STATEMENTS: 'off' }
    const results = await run(env)
    for (const name of ['database', 'migrations', 'direct connection', 'LISTEN']) {
      expect(results[name], name).to.include({ status: 'ok' })
    }
    expect(results).not.to.have.property('prepared statements')
  })
})

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

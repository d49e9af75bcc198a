import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { useDatabase } from './support/database.ts'
import { eventually } from './support/eventually.ts'
import { client } from './support/http.ts'

const root = join(import.meta.dirname, '..')

describe('npm run dev', function () {
  this.timeout(60_000)
  const database = useDatabase()

  it('restarts when a template changes, and ends at SIGTERM', async () => {
    const { PATH } = process.env
    const env = { PATH, DATABASE_URL: database.url, PORT: '0', METRICS_PORT: '0', LOG_LEVEL: 'warn' }
    const child = spawn('npm', ['run', '--silent', 'dev'], { cwd: root, env })
    let output = ''
    for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (chunk) => (output += String(chunk)))
    const exited = once(child, 'exit')
    const origins = () => [...output.matchAll(/^KoaFeed listens on (\S+)$/gm)].map(([, origin]) => origin!)
    const start = (count: number) =>
      eventually(origins, (all) => all.length === count, { timeout: 25_000, what: `start ${count}` })
    try {
      await start(1)
      const now = new Date()
      utimesSync(join(root, 'templates/layout.njk'), now, now)
      const [, origin = ''] = await start(2)
      expect((await client(origin).get('/public')).status).to.equal(200)
    } finally {
      child.kill('SIGTERM')
      await exited
    }
    await eventually(async () =>
      client(origins().at(-1)!)
        .get('/livez')
        .then(
          () => false,
          () => true,
        ),
    )
  })
})

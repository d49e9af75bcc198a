import { expect } from 'chai'
import { startPostgres, type BenchPostgres } from './faults/cluster/postgres.ts'
import { openDatabaseLink } from './faults/cluster/database-link.ts'
import { eventually } from './support/eventually.ts'
import { client } from './support/http.ts'
import { startInstance, stopInstances, type Instance } from './support/servers/instance.ts'
import { openStream } from './support/streams/sse.ts'

describe('an instance at startup', function () {
  this.timeout(60_000)
  let postgres: BenchPostgres
  before(async () => {
    postgres = await startPostgres()
  })
  after(async () => {
    await stopInstances(postgres.url)
    await postgres.remove()
  })

  const start = async (listenUrl = postgres.url): Promise<Instance> =>
    startInstance({
      databaseUrl: postgres.url,
      env: { LISTEN_DATABASE_URL: listenUrl },
      until: 'listening',
    })
  const isReady = async ({ origin }: Instance) => (await fetch(`${origin}/readyz`)).ok

  describe('while the database is down', () => {
    before(() => postgres.stop('fast'))

    it('is alive but not ready, and answers pages and streams with 503 and Retry-After', async () => {
      const instance = await start()
      expect((await fetch(`${instance.origin}/livez`)).status).to.equal(200)
      const ready = await fetch(`${instance.origin}/readyz`)
      expect(ready.status).to.equal(503)
      expect((await ready.json()).why).to.include('waiting for the database')
      expect((await fetch(`${instance.origin}/favicon.svg`)).status).to.equal(200)
      for (const path of ['/', '/public', '/public/stream', '/stream', '/images/x/50']) {
        const answer = await fetch(instance.origin + path)
        expect(answer.status, path).to.equal(503)
        expect(Number(answer.headers.get('retry-after')), path).to.be.greaterThan(0)
        await answer.body?.cancel()
      }
    })

    it('shuts down cleanly at SIGTERM', async () => {
      const instance = await start()
      await eventually(() => instance.logs().includes('waiting for the database'))
      expect(await instance.kill('SIGTERM')).to.deep.equal({ code: 0, signal: null })
      expect(instance.logs()).to.contain('all done')
    })

    it('serves pages and streams once the database is up', async () => {
      const instance = await start()
      await eventually(() => instance.logs().includes('waiting for the database'))
      await postgres.start()
      await eventually(() => isReady(instance), Boolean, { timeout: 10_000 })
      const ann = await client(instance.origin).register('ann')
      const stream = await openStream(`${instance.origin}/public/stream`)
      await stream.opened
      await ann.post('/posts', { body: 'Here we are' })
      await stream.next(({ data }) => data.post?.body === 'Here we are')
      stream.close()
    })
  })

  it('waits when the database fails between the probe and the listener', async () => {
    const link = await openDatabaseLink(postgres.port)
    try {
      const url = postgres.url.replace(`:${postgres.port}/`, `:${link.port}/`)
      // The probe's connection works, and the listener's connection does not.
      link.refuseAfter(1)
      const instance = await start(url)
      await eventually(() => instance.logs().includes('waiting for the database'), Boolean, {
        timeout: 10_000,
      })
      expect((await fetch(`${instance.origin}/livez`)).status).to.equal(200)
      expect(await isReady(instance)).to.equal(false)
      link.restore()
      await eventually(() => isReady(instance), Boolean, { timeout: 10_000 })
    } finally {
      link.close()
    }
  })
})

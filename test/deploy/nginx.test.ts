import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'
import { findNginx, startNginx, type Nginx } from '../support/servers/nginx.ts'
import { openStream, type TestStream } from '../support/streams/sse.ts'

const STREAMS = 100

describe('deploy/nginx.conf, while an instance shuts down', function () {
  this.timeout(60_000)
  const database = useDatabase()
  let nginx: Nginx
  let instances: Instance[]

  before(async function () {
    const program = findNginx()
    if (program === null) {
      console.log('      nginx is not installed (apt-get install nginx-light): skipped')
      this.skip()
    }
    const options = { databaseUrl: database.url, env: { DRAIN_SECONDS: '2', TRUSTED_PROXIES: '1' } }
    instances = [await startInstance(options), await startInstance(options)]
    nginx = await startNginx(
      program,
      instances.map(({ origin }) => origin),
    )
  })
  after(() => nginx?.stop())

  /** A client that behaves like the page: it reopens its stream after the delay of `retry:`, with its cursor. */
  function follow() {
    let stream: TestStream | null = null
    let isOver = false
    const refusals: number[] = []
    const events: string[] = []
    async function run(): Promise<void> {
      while (!isOver) {
        const after = stream?.lastId()
        stream = await openStream(`${nginx.origin}/public/stream`, {
          headers: after === undefined ? {} : { 'Last-Event-ID': after },
        })
        if (stream.status !== 200) refusals.push(stream.status)
        await stream.closed
        for (const { data } of stream.events) if (data.post) events.push(data.post.body)
        await pause(stream.retries.at(-1) ?? 1_000)
      }
    }
    const done = run()
    return {
      isOpen: () => stream?.lastId() !== undefined,
      has: (body: string) =>
        events.includes(body) || !!stream?.events.some(({ data }) => data.post?.body === body),
      refusals,
      async close() {
        isOver = true
        stream?.close()
        await done
      },
    }
  }

  it('moves its streams to the other instance at once, and fails no POST', async () => {
    const [leaving, staying] = instances as [Instance, Instance]
    const ann = await client(nginx.origin).register('ann')
    const followers = Array.from({ length: STREAMS }, follow)
    await eventually(() => followers.every((one) => one.isOpen()), Boolean, { timeout: 20_000 })
    const before = nginx.log().length
    const open = await streamsOf(leaving)
    const portOf = ({ origin }: Instance) => new URL(origin).port

    const exited = leaving.kill('SIGTERM')
    let isOver = false
    void exited.then(() => (isOver = true))
    const statuses = new Set<number>()
    let count = 0
    for (; !isOver; count++) statuses.add((await ann.post('/posts', { body: `post ${count}` })).status)
    expect([...statuses], `responses to ${count} POSTs`).to.deep.equal([201])
    expect(await exited, leaving.logs()).to.deep.equal({ code: 0, signal: null })
    expect(leaving.logs(), 'ended before its time limit').to.contain('all done')

    expect((await ann.post('/posts', { body: 'the last' })).status).to.equal(201)
    await eventually(() => followers.every((one) => one.has('the last')), Boolean, { timeout: 10_000 })
    for (let n = 0; n < count; n++) {
      expect(
        followers.filter((one) => !one.has(`post ${n}`)),
        `followers without post ${n}`,
      ).to.have.length(0)
    }
    expect(followers.flatMap(({ refusals }) => refusals)).to.deep.equal([])

    await Promise.all(followers.map((one) => one.close()))
    // nginx logs a stream when it ends. The streams from before the signal end first.
    const streams = nginx
      .log()
      .slice(before)
      .filter(({ path }) => path === '/public/stream')
    const moved = streams.filter(
      ({ upstreams }) => upstreams.length === 2 && upstreams[0]?.endsWith(`:${portOf(leaving)}`),
    )
    const served = streams.filter(({ upstreams }) => upstreams.at(-1)?.endsWith(`:${portOf(leaving)}`))
    console.log(
      `      ${moved.length} streams moved, ${served.length} served by the leaving instance, ${count} POSTs`,
    )
    expect(open, 'streams of the leaving instance before the signal').to.be.within(20, STREAMS - 20)
    expect(served.length, 'streams that the leaving instance has served').to.be.within(open, open + 5)
    expect(
      streams.filter(({ upstreams }) => upstreams.at(-1)?.endsWith(`:${portOf(staying)}`)).length,
    ).to.equal(STREAMS)
  })
})

async function streamsOf({ metricsOrigin }: Instance): Promise<number> {
  const metrics = await (await fetch(`${metricsOrigin}/metrics`)).text()
  return Number(/^koafeed_streams (\d+)$/m.exec(metrics)?.[1])
}

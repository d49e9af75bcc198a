import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startInstance } from '../../support/servers/instance.ts'

describe('a client that does not read its 8 MB of missed events', () => {
  const database = useDatabase()

  it('is counted as a stream, and its stream ends cleanly with the instance', async () => {
    await database.query("insert into users (username, password_hash) values ('ann', 'x')")
    await database.query(
      'insert into posts (author_id, body) select 1, repeat($1, 5000) from generate_series(1, 400)',
      ['😀'],
    )
    const instance = await startInstance({ databaseUrl: database.url })
    const client = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${instance.origin}/public/stream?after=0`, resolve).on('error', reject)
    })
    await eventually(
      async () =>
        /^koafeed_streams .*$/m.exec(await (await fetch(`${instance.metricsOrigin}/metrics`)).text()),
      (metric) => metric?.[0] === 'koafeed_streams 1',
    )
    const exit = instance.kill('SIGTERM')
    await eventually(() => instance.logs().includes('shutting down'))
    const received = await text(client)
    expect(received).to.match(/\n\nretry: \d{2,3}\n+$/)
    expect(received.match(/^event: post$/gm)).to.have.length.within(1, 399)
    expect(client.complete).to.equal(true)
    expect(await exit).to.deep.equal({ code: 0, signal: null })
  })
})

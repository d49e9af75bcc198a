/**
 * Connections that LISTEN, as other instances of a site would on their own machines:
 * `node bench/harness/load/listeners.ts DATABASE-URL COUNT`. It discards what it reads, so that it costs the machine little.
 */
import pg from 'pg'

const [connectionString = '', count = '1'] = process.argv.slice(2)
for (let n = 0; n < Number(count); n++) {
  const client = new pg.Client({ connectionString, application_name: 'koafeed:listener:bench' })
  await client.connect()
  await client.query('listen koafeed; listen bare')
  const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream } }).connection
  stream.removeAllListeners('data').on('data', () => {})
}
process.on('disconnect', () => process.exit())
process.send?.({ listening: Number(count) })

/**
 * Connections that commit one row each, as fast as they can, into the table `bare`, whose trigger calls NOTIFY:
 * `node bench/floors/notify.ts DATABASE-URL CONNECTIONS`. The message `{ seconds }` starts a run.
 */
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

const [connectionString = '', connections = '1'] = process.argv.slice(2)
const clients = Array.from({ length: Number(connections) }, () => new pg.Client({ connectionString }))
await Promise.all(clients.map((client) => client.connect()))
process.on('message', ({ seconds }: { seconds: number }) => void run(seconds))
process.on('disconnect', () => process.exit())
process.send?.({ port: 0 })

async function run(seconds: number): Promise<void> {
  let commits = 0
  let isOver = false
  const start = performance.now()
  const all = clients.map(async (client) => {
    for (; !isOver; commits++) await client.query({ name: 'insert', text: 'insert into bare default values' })
  })
  await pause(seconds * 1_000)
  isOver = true
  await Promise.all(all)
  process.send?.({ perSecond: commits / ((performance.now() - start) / 1_000) })
}

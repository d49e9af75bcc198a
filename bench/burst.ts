/**
 * One transaction writes many posts while thousands of streams are open. Prints how long /livez takes meanwhile, and how
 * many clients that read are disconnected.
 *
 *   node bench/burst.ts [--streams 4000] [--posts 500]
 */
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { pause, until } from '../test/faults/cluster/cluster.ts'
import { probeLivez } from '../test/faults/livez-probe.ts'
import { startPostgres } from '../test/faults/cluster/postgres.ts'
import { startInstance } from '../test/support/servers/instance.ts'

const { values } = parseArgs({
  options: { streams: { type: 'string', default: '4000' }, posts: { type: 'string', default: '500' } },
})
const count = Number(values.streams)
const posts = Number(values.posts)

interface Stream {
  newest: number
  isClosed: boolean
}

const postgres = await startPostgres()
try {
  await postgres.query(
    `insert into users (username, password_hash) values ('author', 'no password opens this')`,
  )
  await postgres.query(`insert into posts (author_id, body) values (1, 'the first')`)
  const instance = await startInstance({ databaseUrl: postgres.url, env: { LOG_LEVEL: 'warn' } })
  const streams: Stream[] = []
  for (let opened = 0; opened < count; opened += 200) {
    for (let n = 0; n < 200; n++) streams.push(open(instance.origin))
    await until(() => streams.every(({ newest }) => newest > 0), 30_000, 'streams to open')
  }
  const livez = probeLivez(instance.origin)
  await pause(500)
  const start = performance.now()
  await postgres.query(
    `insert into posts (author_id, body) select 1, 'post ' || n || repeat(' text', 100) from generate_series(1, $1::int) n`,
    [posts],
  )
  const [row] = await postgres.query<{ seq: number }>('select max(seq)::float8 as seq from log')
  const isDone = ({ newest, isClosed }: Stream): boolean => isClosed || newest >= row!.seq
  await until(() => streams.every(isDone), 120_000, 'the posts to arrive')
  const seconds = (performance.now() - start) / 1_000
  const closed = streams.filter(({ isClosed }) => isClosed).length
  console.log(`${posts} posts to ${count} streams in ${seconds.toFixed(1)} s, ${closed} streams closed`)
  console.log(`/livez within ${await livez.stop()} ms`)
  process.exitCode = closed === 0 ? 0 : 1
  await instance.kill()
} finally {
  await postgres.remove()
}
process.exit()

/** A bare socket that looks for ids only, because one process has to read all streams. */
function open(origin: string): Stream {
  const stream: Stream = { newest: 0, isClosed: false }
  const { port, host } = new URL(origin)
  const socket = connect(Number(port), '127.0.0.1')
  let rest: Buffer = Buffer.alloc(0)
  socket.write(`GET /public/stream HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const at = bytes.lastIndexOf('\nid: ')
    const id = at === -1 ? null : /^\nid: (\d+)\n/.exec(bytes.toString('latin1', at, at + 30))
    if (id) stream.newest = Number(id[1])
    rest = bytes.subarray(-30)
  })
  socket.on('error', () => {})
  socket.on('close', () => (stream.isClosed = true))
  return stream
}

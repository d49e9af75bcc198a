/**
 * Kills an instance with thousands of streams. All clients then connect to another instance at once, each with its
 * session and its cursor. Counts the queries, and measures the CPU time and the time until all clients have the events
 * that they missed. `--foreign N` adds N events of other people between the cursors and these events.
 *
 *   node bench/stampede.ts [--streams 10000] [--foreign 0]
 */
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { startInstance, type Instance } from '../test/support/servers/instance.ts'
import { pause, until } from '../test/faults/cluster/cluster.ts'
import { writeForeignRows } from '../test/faults/foreign-rows.ts'
import { startPostgres, type BenchPostgres } from '../test/faults/cluster/postgres.ts'

const { values } = parseArgs({
  options: { streams: { type: 'string', default: '10000' }, foreign: { type: 'string', default: '0' } },
})
const count = Number(values.streams)
const foreign = Number(values.foreign)
const MISSED = 20
const MAX_LOG_QUERIES = 20

interface Client {
  token: string
  cursor: string
  open: boolean
  /** Bodies of the posts that have arrived. */
  seen: Set<string>
}

let finished = false

const postgres = await startPostgres(['log_statement=all', 'log_line_prefix=@%a@'])
try {
  const clients = await makePeople(postgres)
  const env = { LOG_LEVEL: 'warn' }
  const dying = await startInstance({ databaseUrl: postgres.url, env })
  const startOther = () =>
    startInstance({ databaseUrl: postgres.url, env: { ...env, INSTANCE_NAME: 'other' } })
  const running = foreign === 0 ? await startOther() : null
  for (let start = 0; start < count; start += 200) {
    const group = clients.slice(start, start + 200)
    for (const client of group) open(client, dying.origin, false)
    await until(() => group.every((client) => client.open), 20_000, 'streams to open')
  }
  console.log(`${count} streams of ${count} people on one of two instances`)

  const mark = postgres.log().length
  await dying.kill('SIGKILL')
  await until(() => clients.every((client) => !client.open), 20_000, 'all clients to notice')
  await writeForeignRows(postgres, foreign)
  const other = running ?? (await startOther())
  for (let n = 0; n < MISSED; n++) await post(postgres, `missed ${n}`)
  const cpuBefore = await cpuSeconds(other)
  const start = performance.now()
  for (const client of clients) open(client, other.origin, true)
  await until(() => clients.every((client) => client.open), 60_000, 'all clients to reconnect')
  const opened = performance.now() - start
  await until(() => clients.every((client) => client.seen.size === MISSED), 60_000, 'the missed posts')
  const complete = performance.now() - start

  const cpu = (await cpuSeconds(other)) - cpuBefore

  const statements = readStatements(postgres.log().slice(mark), 'koafeed:pool:other')
  const countOf = (pattern: RegExp): number => statements.filter((text) => pattern.test(text)).length
  const log = countOf(/\bfrom log\b/)
  // A block of topics for every 16,384 events (src/stream/replay/topic-index.ts).
  const maxLogQueries = MAX_LOG_QUERIES + Math.ceil(foreign / 16_384)
  const comparison = log < maxLogQueries ? 'fewer' : 'NOT fewer'
  console.log(
    `all reconnected after ${(opened / 1000).toFixed(1)} s, all with the missed posts after ${(complete / 1000).toFixed(1)} s`,
  )
  console.log(`queries of the log: ${log}, ${comparison} than ${maxLogQueries}`)
  console.log(`CPU of the instance: ${cpu.toFixed(2)} s, with ${foreign} events of others to skip`)
  console.log(
    `queries of sessions: ${countOf(/\bfrom sessions\b/)}, of subscriptions: ${countOf(/\bfrom subscriptions\b/)}`,
  )
  finished = true
  process.exitCode = log < maxLogQueries ? 0 : 1
  await other.kill()
} finally {
  await postgres.remove()
}
process.exit()

/** Creates people with a session each, who all follow one author. */
async function makePeople({ query }: BenchPostgres): Promise<Client[]> {
  const clients = Array.from({ length: count }, () => ({
    token: randomBytes(32).toString('base64url'),
    cursor: '',
    open: false,
    seen: new Set<string>(),
  }))
  await query(`insert into users (username, password_hash) values ('author', 'not a valid hash')`)
  for (let start = 0; start < count; start += 500) {
    const hashes = clients
      .slice(start, start + 500)
      .map(({ token }) => createHash('sha256').update(token).digest('hex'))
    await query(
      `with created as (
         insert into users (username, password_hash)
         select 'person' || ($2::int + n), 'not a valid hash' from generate_series(1, cardinality($1::text[])) n
         returning id, username
       ), follow as (
         insert into subscriptions (user_id, feed_id)
         select created.id, author.feed_id from created, users author where author.username = 'author'
       )
       insert into sessions (id_hash, user_id, expires_at)
       select decode(hash, 'hex'), created.id, now() + interval '1 day'
       from unnest($1::text[]) with ordinality as given (hash, n)
       join created on created.username = 'person' || ($2::int + n)`,
      [hashes, start],
    )
  }
  return clients
}

async function post({ query }: BenchPostgres, body: string): Promise<void> {
  await query(`insert into posts (author_id, body) select id, $1 from users where username = 'author'`, [
    body,
  ])
}

async function cpuSeconds({ metricsOrigin }: Instance): Promise<number> {
  const text = await (await fetch(`${metricsOrigin}/metrics`)).text()
  return Number(/^process_cpu_seconds_total ([\d.]+)$/m.exec(text)?.[1])
}

/** Opens a stream on a plain socket, because this process holds all clients and must not slow down the measurement. */
function open(client: Client, origin: string, reconnects: boolean): void {
  const { port, host } = new URL(origin)
  const socket = connect(Number(port), '127.0.0.1')
  let text = ''
  socket.on('connect', () => {
    const cursor = client.cursor === '' ? '' : `Last-Event-ID: ${client.cursor}\r\n`
    socket.write(`GET /stream HTTP/1.1\r\nHost: ${host}\r\nCookie: koafeed=${client.token}\r\n${cursor}\r\n`)
  })
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    client.open ||= text.startsWith('HTTP/1.1 200') && /^id: \d/m.test(text)
    for (const [, body] of text.matchAll(/"body": ?"(missed \d+)"/g)) client.seen.add(body!)
    for (const [, id] of text.matchAll(/^id: (\d+)\r?\n/gm)) client.cursor = id!
    if (client.open) text = text.slice(-200)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    client.open = false
    if (!reconnects) return
    // A refused client reconnects, like a page.
    void pause(200 + Math.random() * 300).then(() => finished || open(client, origin, reconnects))
  })
}

function readStatements(log: string, application: string): string[] {
  return log
    .split(/^(?=@[^@]*@)/m)
    .filter((entry) => entry.startsWith(`@${application}@`) && /execute|statement:/.test(entry))
}

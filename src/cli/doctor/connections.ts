import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { failed, ok, type DoctorCheck, type Result } from './check.ts'
import { withConnection } from './database.ts'

const TIMEOUT_MS = 5_000
/** Transactions that are open at once. A pooler that lends the connection of an idle client lends it to one of them. */
const TRANSACTIONS = 3

export interface ConnectionOptions {
  url: string
  listenUrl: string
  /** Whether the service prepares statements by name. */
  preparedStatements: boolean
}

/** Checks that the service can listen at `listenUrl` to what it writes at `url`, and what a pooler in between allows. */
export function connectionChecks({ url, listenUrl, preparedStatements }: ConnectionOptions): DoctorCheck[] {
  return [
    ...(preparedStatements ? [{ name: 'prepared statements', run: () => checkPrepared(url) }] : []),
    { name: 'direct connection', run: () => checkDirect(listenUrl) },
    { name: 'LISTEN', run: () => checkListen(url, listenUrl) },
  ]
}

/** A pooler in transaction mode lends the server's connection of an idle client to other clients. */
async function checkDirect(listenUrl: string): Promise<Result> {
  return withPlainConnection(listenUrl, async (client) => {
    const before = await backendPid(client)
    const { result: after, pids } = await whileOthersWork(listenUrl, () => backendPid(client))
    if (before === after && !pids.includes(before)) return ok('a session keeps its connection')
    return failed(
      'LISTEN_DATABASE_URL goes through a pooler in transaction mode. Let it name the primary itself.',
    )
  })
}

/** PgBouncer before 1.21 forgets prepared statements when it gives a client another connection. */
async function checkPrepared(url: string): Promise<Result> {
  return withPlainConnection(url, async (client) => {
    const query = { name: 'koafeed_doctor', text: 'select 1' }
    await client.query(query)
    try {
      await whileOthersWork(url, () => client.query(query))
      return ok('a prepared statement stays prepared')
    } catch (error) {
      return failed(`${(error as Error).message}. Set PREPARED_STATEMENTS=off, or use a newer pooler.`)
    }
  })
}

/** Runs `work` while other clients have transactions open. Returns their processes of the server, too. */
async function whileOthersWork<T>(
  url: string,
  work: () => Promise<T>,
): Promise<{ result: T; pids: number[] }> {
  const pids: number[] = []
  const open = async (left: number): Promise<T> => {
    if (left === 0) return work()
    return withPlainConnection(url, async (other) => {
      await other.query('begin')
      pids.push(await backendPid(other))
      return open(left - 1)
    })
  }
  return { result: await open(TRANSACTIONS), pids }
}

async function checkListen(url: string, listenUrl: string): Promise<Result> {
  return withPlainConnection(listenUrl, async (listener) => {
    const channel = `koafeed_doctor_${randomBytes(8).toString('hex')}`
    const { promise, resolve } = Promise.withResolvers<boolean>()
    listener.on('notification', (message) => message.channel === channel && resolve(true))
    await listener.query(`listen ${channel}`)
    const start = performance.now()
    await withConnection(url, (writer) => writer.query(`select pg_notify('${channel}', '')`))
    const timer = setTimeout(resolve, TIMEOUT_MS, false)
    const isReceived = await promise
    clearTimeout(timer)
    if (isReceived) return ok(`a notification arrived after ${Math.ceil(performance.now() - start)} ms`)
    return failed('A notification of DATABASE_URL did not arrive at LISTEN_DATABASE_URL within 5 s')
  })
}

/** Without startup options, which poolers refuse: this check must get through to one. */
async function withPlainConnection<T>(
  connectionString: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString,
    application_name: 'koafeed:doctor',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  })
  client.on('error', () => {}) // the next statement fails too
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function backendPid(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}

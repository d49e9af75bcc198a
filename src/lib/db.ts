import pg from 'pg'
import {
  createPool,
  createSqlTag,
  type CommonQueryMethods,
  type DatabasePool,
  type DatabasePoolConnection,
} from 'slonik'
import { z } from 'zod'
import { Unavailable } from './errors.ts'
import { spend } from './patience.ts'
import { createPgDriver } from './pg-driver.ts'

/** Whatever can run a query: the pool, or the connection of a transaction. */
export type Db = CommonQueryMethods

/** The one boundary that all writes go through; `fn` gets a transaction, and returns what it found, never throws. */
export type Write = <T>(fn: (db: Db) => Promise<T>) => Promise<T>

export type { DatabasePool }

const tag = createSqlTag()

/** slonik's tag, with `sql.row<Row>()`: a statement whose rows are of type Row, on the word of the SQL beside it. */
export const sql = Object.assign(tag, {
  row: <Row extends object>() => tag.type(z.custom<Row>()),
})

const MAX_WAIT_MS = 1_200
const STATEMENT_TIMEOUT_MS = 2_500
/** PostgreSQL gives a statement up by itself; whoever has said nothing by now is not there. */
const ANSWER_TIMEOUT_MS = 3_000
const CONNECTION_TIMEOUT_MS = 2_000
const GOODBYE_TIMEOUT_MS = 500

/**
 * A pool of connections to PostgreSQL. bigint comes as a decimal string (JSON has no other place for it), times as
 * the text that PostgreSQL sends. Whatever is asked of it is answered, or refused, in bounded time.
 */
export async function createDb(
  url: string,
  { applicationName, maxPoolSize = 10 }: { applicationName: string; maxPoolSize?: number },
): Promise<DatabasePool> {
  const pool = await createPool(url, {
    maxPoolSize,
    captureStackTrace: false,
    connectionRetryLimit: 0,
    gracefulTerminationTimeout: GOODBYE_TIMEOUT_MS,
    // Nothing here sets session state, so the default `discard all` would only cost a round trip a query.
    resetConnection: async () => {},
    driverFactory: createPgDriver({
      connectionString: withApplicationName(url, applicationName),
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      types: { getTypeParser },
    }),
  })
  return boundWait(pool)
}

const TEXT_TYPES = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.TIMESTAMPTZ])

const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  TEXT_TYPES.has(oid) ? (text: string) => text : pg.types.getTypeParser(oid, format)

const methods = [
  'any',
  'anyFirst',
  'exists',
  'many',
  'manyFirst',
  'maybeOne',
  'maybeOneFirst',
  'one',
  'oneFirst',
  'query',
  'transaction',
] as const

/** slonik has no limit on waiting for a connection. Who has waited in vain is refused, and asks nothing later. */
function boundWait(pool: DatabasePool): DatabasePool {
  async function use<T>(work: (connection: DatabasePoolConnection) => Promise<T>, left: number): Promise<T> {
    const { promise: inVain, reject } = Promise.withResolvers<never>()
    let late = false
    const timer = setTimeout(
      () => {
        late = true
        reject(new Unavailable())
      },
      Math.min(MAX_WAIT_MS, left),
    )
    const done = pool.connect(async (connection) => {
      clearTimeout(timer)
      return late ? null : work(connection)
    })
    try {
      return (await Promise.race([done, inVain])) as T
    } finally {
      clearTimeout(timer)
    }
  }
  const connect: DatabasePool['connect'] = (work) => spend((left) => use(work, left))
  type Method = (...given: unknown[]) => Promise<unknown>
  const bounded = methods.map((method): [string, Method] => [
    method,
    (...given) => connect((connection) => (connection[method] as Method)(...given)),
  ])
  return { ...pool, ...Object.fromEntries(bounded), connect }
}

/** Each write is one transaction: what triggers note for the commit belongs to it alone. */
export function createWrite(db: DatabasePool): Write {
  return (fn) => db.transaction((transaction) => fn(transaction))
}

function withApplicationName(url: string, name: string): string {
  const named = new URL(url)
  named.searchParams.set('application_name', name)
  return named.toString()
}

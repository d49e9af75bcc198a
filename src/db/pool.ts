import pg from 'pg'
import {
  createPool,
  createSqlTag,
  IntegrityConstraintViolationError,
  NotFoundError,
  StatementTimeoutError,
  type CommonQueryMethods,
  type DatabasePool,
  type DatabasePoolConnection,
} from 'slonik'
import { z } from 'zod'
import { HttpError, Unavailable } from '../lib/errors.ts'
import { withinDeadline } from './deadline.ts'
import { createPgDriver } from './driver.ts'
import { takeQuery, withinQuery } from './query-slots.ts'
import { createKeyedSlots, createSlots } from '../lib/slots.ts'

/** Whatever can run a query: the pool, or the connection of a transaction. */
export type Db = CommonQueryMethods

/**
 * The one boundary that all writes go through; `fn` gets a transaction. `row` names the row that `fn` locks first where
 * many may want the same one ("posts 12").
 */
export type Write = <T>(fn: (db: Db) => Promise<T>, row?: string) => Promise<T>

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

/** Waiting for a lock holds a connection, so it ends early. */
const LOCK_TIMEOUT_MS = 1_000
/** Of the pool's ten connections; the others are left to reads. */
const MAX_WRITES = 6
const MAX_WAITING_WRITES = 100
/** PostgreSQL runs the writes of one row one after the other, so more at a time would only hold connections. */
const MAX_WRITES_PER_ROW = 2

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
      // Not a startup parameter: it must not limit reads, and poolers refuse startup options.
      begin: `start transaction; set local lock_timeout = ${LOCK_TIMEOUT_MS}`,
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

/** slonik has no limit on waiting for a connection. A request that times out gets 503; its query never runs. */
function boundWait(pool: DatabasePool): DatabasePool {
  async function use<T>(work: (connection: DatabasePoolConnection) => Promise<T>, left: number): Promise<T> {
    const { promise: timedOut, reject } = Promise.withResolvers<never>()
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
      return late ? null : resultOf(work(connection))
    })
    try {
      const result = (await Promise.race([done, timedOut])) as Result<T>
      if ('error' in result) throw result.error
      return result.value
    } finally {
      clearTimeout(timer)
    }
  }
  const connect: DatabasePool['connect'] = (work) =>
    withinDeadline(async (left) => {
      const release = await takeQuery(Math.min(MAX_WAIT_MS, left))
      return holding(release, work, (held) => use(held, left))
    })
  type Method = (...given: unknown[]) => Promise<unknown>
  const bounded = methods.map((method): [string, Method] => [
    method,
    (...given) => connect((connection) => (connection[method] as Method)(...given)),
  ])
  return { ...pool, ...Object.fromEntries(bounded), connect }
}

type Result<T> = { value: T } | { error: Error }

/**
 * slonik closes the connection of a handler that throws. PostgreSQL has rolled back a statement that it refused, and its
 * connection is as good as before, so the error is returned.
 */
async function resultOf<T>(work: Promise<T>): Promise<Result<T>> {
  try {
    return { value: await work }
  } catch (error) {
    if (error instanceof Error && REFUSED_BY_POSTGRES.some((kind) => error instanceof kind)) return { error }
    throw error
  }
}

const REFUSED_BY_POSTGRES = [
  HttpError,
  pg.DatabaseError,
  IntegrityConstraintViolationError,
  StatementTimeoutError,
  NotFoundError,
]

/**
 * Each write is one transaction: what triggers note for the commit belongs to it alone. Writes that wait for a lock leave
 * connections to reads, and writes that wait for one row leave connections to the writes of other rows.
 */
export function createWrite(db: DatabasePool): Write {
  const all = createSlots({ size: MAX_WRITES, waiting: MAX_WAITING_WRITES })
  const rows = createKeyedSlots({ size: MAX_WRITES_PER_ROW, waiting: MAX_WAITING_WRITES })
  return (fn, row) =>
    withinDeadline(async (left) => {
      const wait = Math.min(MAX_WAIT_MS, left)
      const release = await takeEach([
        () => takeQuery(wait),
        ...(row === undefined ? [] : [() => rows.take(row, wait)]),
        () => all.take(wait),
      ])
      const transact = (connection: DatabasePoolConnection) => connection.transaction((tx) => fn(tx))
      return withinQuery(() => holding(release, transact, db.connect))
    })
}

type Release = () => void

/** Takes one after the other; if one is refused, the earlier ones are released. */
async function takeEach(takes: (() => Promise<Release>)[]): Promise<Release> {
  const taken: Release[] = []
  const release = (): void => taken.forEach((one) => one())
  try {
    for (const take of takes) taken.push(await take())
    return release
  } catch (error) {
    release()
    throw error
  }
}

type Connect = <T>(work: (connection: DatabasePoolConnection) => Promise<T>) => Promise<T>

/** Releases when the connection is free again. A caller that timed out has its answer before that. */
async function holding<T>(
  release: Release,
  work: (connection: DatabasePoolConnection) => Promise<T>,
  connect: Connect,
): Promise<T> {
  let begun = false
  try {
    return await connect(async (connection) => {
      begun = true
      return work(connection).finally(release)
    })
  } finally {
    if (!begun) release()
  }
}

function withApplicationName(url: string, name: string): string {
  const named = new URL(url)
  named.searchParams.set('application_name', name)
  return named.toString()
}

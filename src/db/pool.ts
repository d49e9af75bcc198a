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
  type QuerySqlToken,
} from 'slonik'
import { z } from 'zod'
import { HttpError, Unavailable } from '../lib/errors.ts'
import { withinDeadline } from './deadline.ts'
import { CHECK, createPgDriver } from './driver.ts'
import { takeQuery, withRelease } from './query-slots.ts'
import { createStatementNames } from './statement-names.ts'

/** Runs queries: the pool, or the connection of a transaction. */
export type Db = CommonQueryMethods

export interface WriteTransaction {
  <T>(fn: (db: Db) => Promise<T>, row?: string): Promise<T>
}

/**
 * Runs `fn` in a transaction of its own. All writes of the application use it, or `statement`. `row` names the row that
 * `fn` locks first ("posts 12"), if many requests may write to that row.
 */
export interface Write extends WriteTransaction {
  /**
   * Runs one statement that locks `row` before it changes anything, and returns its rows. Concurrent ones share a
   * transaction; if one of them fails, the others are not affected. A statement may run twice: if the transaction is
   * rolled back, it is repeated in one of its own.
   * @throws Unavailable if it is not known whether the transaction was committed; it is not repeated then
   */
  statement<Row extends object>(query: QuerySqlToken<z.ZodType<Row>>, row: string): Promise<readonly Row[]>
}

export type { DatabasePool }

const tag = createSqlTag()

/**
 * slonik's tag, with `sql.row<Row>()` for a statement whose rows have the type Row, and `sql.command` for a statement
 * whose rows are not read, such as an insert or the argument of `exists`. The rows are not validated: a statement and
 * the type of its rows change in the same commit, and tests run every statement. (Validation would take 6 µs for the
 * rows of a home page, but needs a schema beside each of 90 types.)
 */
export const sql = Object.assign(tag, {
  row: <Row extends object>() => tag.type(z.custom<Row>()),
  command: tag.type(z.strictObject({})),
})

export const MAX_WAIT_MS = 1_200
const STATEMENT_TIMEOUT_MS = 2_500
/** Longer than the statement timeout. A server that has not responded by then is unreachable. */
const RESPONSE_TIMEOUT_MS = 3_000
const CONNECTION_TIMEOUT_MS = 2_000
const CLOSE_TIMEOUT_MS = 500

/** Short, because a statement that waits for a lock occupies a connection. */
const LOCK_TIMEOUT_MS = 1_000

export interface DbOptions {
  applicationName: string
  maxPoolSize?: number
  /** Whether statements are prepared by name. */
  names?: boolean
  /** Gets the time that each query waited for a connection. */
  onWait?: (seconds: number) => void
}

/**
 * Creates a pool of connections to PostgreSQL. Values of type bigint become decimal strings, because JSON numbers
 * cannot hold them; times keep the text that PostgreSQL sends. Every query ends or fails within a time limit.
 */
export async function createDb(
  url: string,
  { applicationName, maxPoolSize = 9, names = true, onWait = () => {} }: DbOptions,
): Promise<DatabasePool> {
  const { nameOf, ...config } = connectionConfig(url, { applicationName, names })
  const pool = await createPool(url, {
    maxPoolSize,
    captureStackTrace: false,
    connectionRetryLimit: 0,
    // slonik must not repeat anything. `Write` repeats only statements that were certainly rolled back.
    queryRetryLimit: 0,
    transactionRetryLimit: 0,
    gracefulTerminationTimeout: CLOSE_TIMEOUT_MS,
    // No code sets session state, so the default `discard all` would only cost one round trip per query.
    resetConnection: ({ query }) => query(CHECK),
    driverFactory: createPgDriver({
      ...config,
      nameOf,
      // Not a startup parameter, because it must not apply to reads, and because poolers reject startup options.
      begin: `start transaction; set local lock_timeout = ${LOCK_TIMEOUT_MS}`,
    }),
  })
  return withWaitLimit(pool, onWait)
}

/** Returns the options that all connections to PostgreSQL share. */
export function connectionConfig(url: string, { applicationName, names = true }: DbOptions) {
  return {
    connectionString: withApplicationName(url, applicationName),
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    query_timeout: RESPONSE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    types: { getTypeParser },
    nameOf: names ? createStatementNames() : () => undefined,
  }
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

/** Limits the time that a query waits for a connection; slonik has no such limit. A query that times out never runs. */
function withWaitLimit(pool: DatabasePool, onWait: (seconds: number) => void): DatabasePool {
  async function use<T>(work: (connection: DatabasePoolConnection) => Promise<T>, left: number): Promise<T> {
    const { promise: timedOut, reject } = Promise.withResolvers<never>()
    let isLate = false
    const startedAt = performance.now()
    const noteWait = (): void => onWait((performance.now() - startedAt) / 1_000)
    const timer = setTimeout(
      () => {
        isLate = true
        noteWait()
        reject(new Unavailable())
      },
      Math.min(MAX_WAIT_MS, left),
    )
    const done = pool.connect(async (connection) => {
      clearTimeout(timer)
      if (isLate) return null
      noteWait()
      return resultOf(work(connection))
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
      return withRelease(release, work, (releasing) => use(releasing, left))
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
 * Returns errors that leave the connection usable, because slonik closes the connection if a handler throws. PostgreSQL
 * rolls back a statement that it rejects, and the connection still works.
 */
async function resultOf<T>(work: Promise<T>): Promise<Result<T>> {
  try {
    return { value: await work }
  } catch (error) {
    if (error instanceof Error && HARMLESS_ERRORS.some((kind) => error instanceof kind)) return { error }
    throw error
  }
}

const HARMLESS_ERRORS = [
  HttpError,
  pg.DatabaseError,
  IntegrityConstraintViolationError,
  StatementTimeoutError,
  NotFoundError,
]

function withApplicationName(url: string, name: string): string {
  const named = new URL(url)
  named.searchParams.set('application_name', name)
  return named.toString()
}

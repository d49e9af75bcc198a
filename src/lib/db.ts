import { createPool, createSqlTag, type CommonQueryMethods, type DatabasePool } from 'slonik'
import { z } from 'zod'

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

const STATEMENT_TIMEOUT_MS = 5_000
const CONNECTION_TIMEOUT_MS = 3_000

/**
 * A pool of connections to PostgreSQL. bigint comes as a decimal string (JSON has no other place for it), times as
 * the text that PostgreSQL sends.
 */
export async function createDb(
  url: string,
  { applicationName, maxPoolSize = 10 }: { applicationName: string; maxPoolSize?: number },
): Promise<DatabasePool> {
  return createPool(withApplicationName(url, applicationName), {
    maxPoolSize,
    captureStackTrace: false,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    connectionRetryLimit: 0,
    statementTimeout: STATEMENT_TIMEOUT_MS,
    idleInTransactionSessionTimeout: STATEMENT_TIMEOUT_MS,
    // Nothing here sets session state, so the default `discard all` would only cost a round trip a query.
    resetConnection: async () => {},
    typeParsers: [
      { name: 'int8', parse: (text) => text },
      { name: 'timestamptz', parse: (text) => text },
    ],
  })
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

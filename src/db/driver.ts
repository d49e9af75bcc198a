import pg from 'pg'
import * as slonik from 'slonik'
import type { NameOf } from './statement-names.ts'

/** The text of a query that fails if the connection must not be used again. The driver answers it without PostgreSQL. */
export const CHECK = 'check connection'

/** The type of a result or the list of named statements has changed: 0A000 and 26000. */
const STALE_STATEMENT = new Set(['0A000', '26000'])

export interface DriverConfig extends pg.ClientConfig {
  /** The statements that start a transaction in one round trip. */
  begin: string
  nameOf: NameOf
}

/**
 * A slonik driver with features that slonik's own driver has no options for: a timeout for responses (for networks that
 * drop packets silently), TCP keep-alive, `begin`, and named statements. After any error except PostgreSQL's own, the
 * connection is closed.
 */
export function createPgDriver({ begin, nameOf, ...config }: DriverConfig): slonik.DriverFactory {
  return slonik.createDriverFactory(async () => ({
    async createPoolClient({ clientEventEmitter }) {
      const client = new pg.Client({ ...config, keepAlive: true })
      client.on('error', (error) => clientEventEmitter.emit('error', translate(error)))
      const run = runNamed(client, begin, nameOf)
      return {
        connect: async () => {
          await client.connect()
        },
        end: () => client.end(),
        async query(text, values) {
          try {
            return toResult(await run(text, values))
          } catch (error) {
            // This closes the socket at once if a query is in progress, so later queries fail immediately.
            if (!(error instanceof pg.DatabaseError)) void client.end()
            throw translate(error as Error)
          }
        },
        stream() {
          throw new Error('streams are not supported')
        },
      }
    },
  }))
}

type Result = Pick<pg.QueryResult, 'command' | 'fields' | 'rowCount' | 'rows'>

const NO_RESULT: Result = { command: '', fields: [], rowCount: null, rows: [] }

function toResult({ command, fields, rowCount, rows }: Result): slonik.DriverQueryResult {
  return {
    command: command as slonik.DriverCommand,
    fields: fields.map(({ name, dataTypeID }) => ({ name, dataTypeId: dataTypeID })),
    rowCount,
    rows,
  }
}

/**
 * Runs statements by name. If a migration or a pooler has made a named statement invalid, the connection is not used
 * again (CHECK). The statement is repeated unnamed, unless a statement before it in the same transaction may have
 * written: PostgreSQL has then rolled back that write.
 */
function runNamed(client: pg.Client, begin: string, nameOf: NameOf) {
  let isStale = false
  /** How many statements of this transaction have run; null outside a transaction. */
  let statements: number | null = null
  return async (text: string, values: unknown[] = []): Promise<Result> => {
    if (text === CHECK) {
      if (isStale) throw new Error('The named statements of this connection are no longer valid')
      return NO_RESULT
    }
    if (text === 'START TRANSACTION') {
      await client.query(begin)
      statements = 0
      return { ...NO_RESULT, command: text }
    }
    const name = isStale || isControl(text) ? undefined : nameOf(text)
    try {
      return await client.query(name === undefined ? { text, values } : { text, values, name })
    } catch (error) {
      if (name === undefined || !isStaleStatement(error)) throw error
      isStale = true
      if (statements !== null && statements > 0) throw new slonik.BackendTerminatedError(error)
      if (statements === 0) await client.query(`rollback; ${begin}`)
      return await client.query(text, values)
    } finally {
      statements = statements === null || isControl(text) ? null : statements + 1
    }
  }
}

/** slonik's own statements, which end a transaction. */
function isControl(text: string): boolean {
  return text === 'COMMIT' || text === 'ROLLBACK'
}

/** Whether a migration or a pooler has made a named statement invalid. */
export function isStaleStatement(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && STALE_STATEMENT.has(error.code ?? '')
}

type ErrorClass = new (error: never) => Error

/** The slonik errors that callers distinguish. Other errors keep PostgreSQL's code. */
const errorClasses: Record<string, ErrorClass> = {
  '23502': slonik.NotNullIntegrityConstraintViolationError,
  '23503': slonik.ForeignKeyIntegrityConstraintViolationError,
  '23505': slonik.UniqueIntegrityConstraintViolationError,
  '23514': slonik.CheckIntegrityConstraintViolationError,
  '57014': slonik.StatementTimeoutError,
}

/** Returns the error that slonik and the error handler know. */
export function translate(error: Error): Error {
  if (error instanceof slonik.SlonikError) return error
  if (!(error instanceof pg.DatabaseError)) return new slonik.BackendTerminatedUnexpectedlyError(error)
  const Class = errorClasses[error.code ?? '']
  if (Class) return new Class(error as never)
  return /^57P|^25P03/.test(error.code ?? '') ? new slonik.BackendTerminatedError(error) : error
}

import pg from 'pg'
import * as slonik from 'slonik'

/**
 * A slonik driver with three features that slonik's own driver has no options for: a timeout for responses (for
 * networks that drop packets silently), TCP keep-alive, and `begin`, the statements that start a transaction in one
 * round trip. After any error except PostgreSQL's own, the connection is closed.
 */
export function createPgDriver({
  begin,
  ...config
}: pg.ClientConfig & { begin: string }): slonik.DriverFactory {
  return slonik.createDriverFactory(async () => ({
    async createPoolClient({ clientEventEmitter }) {
      const client = new pg.Client({ ...config, keepAlive: true })
      client.on('error', (error) => clientEventEmitter.emit('error', translate(error)))
      return {
        connect: async () => {
          await client.connect()
        },
        end: () => client.end(),
        async query(text, values) {
          try {
            if (text === 'START TRANSACTION') {
              await client.query(begin)
              return {
                command: 'START TRANSACTION' as slonik.DriverCommand,
                fields: [],
                rowCount: null,
                rows: [],
              }
            }
            const { command, fields, rowCount, rows } = await client.query(text, values)
            return {
              command: command as slonik.DriverCommand,
              fields: fields.map(({ name, dataTypeID }) => ({ name, dataTypeId: dataTypeID })),
              rowCount,
              rows,
            }
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

type ErrorClass = new (error: never) => Error

/** The slonik errors that callers distinguish. Other errors keep PostgreSQL's code. */
const errorClasses: Record<string, ErrorClass> = {
  '23502': slonik.NotNullIntegrityConstraintViolationError,
  '23503': slonik.ForeignKeyIntegrityConstraintViolationError,
  '23505': slonik.UniqueIntegrityConstraintViolationError,
  '23514': slonik.CheckIntegrityConstraintViolationError,
  '57014': slonik.StatementTimeoutError,
}

function translate(error: Error): Error {
  if (!(error instanceof pg.DatabaseError)) return new slonik.BackendTerminatedUnexpectedlyError(error)
  const Class = errorClasses[error.code ?? '']
  if (Class) return new Class(error as never)
  return /^57P|^25P03/.test(error.code ?? '') ? new slonik.BackendTerminatedError(error) : error
}

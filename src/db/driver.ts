import pg from 'pg'
import * as slonik from 'slonik'

/**
 * slonik's way to PostgreSQL, with three things that its own driver has no option for: a limit on how long an answer
 * may take (a silent network never answers), TCP keep-alive, and `begin`: the statements that begin a transaction, in
 * one round trip. A connection with any error but PostgreSQL's own is not used again.
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
            // Ending it while a query is under way cuts the wire: what is asked next fails at once.
            if (!(error instanceof pg.DatabaseError)) void client.end()
            throw translate(error as Error)
          }
        },
        stream() {
          throw new Error('nothing here reads row by row')
        },
      }
    },
  }))
}

type Named = new (error: never) => Error

/** The errors that callers tell apart; the others keep PostgreSQL's code. */
const kinds: Record<string, Named> = {
  '23502': slonik.NotNullIntegrityConstraintViolationError,
  '23503': slonik.ForeignKeyIntegrityConstraintViolationError,
  '23505': slonik.UniqueIntegrityConstraintViolationError,
  '23514': slonik.CheckIntegrityConstraintViolationError,
  '57014': slonik.StatementTimeoutError,
}

function translate(error: Error): Error {
  if (!(error instanceof pg.DatabaseError)) return new slonik.BackendTerminatedUnexpectedlyError(error)
  const Kind = kinds[error.code ?? '']
  if (Kind) return new Kind(error as never)
  return /^57P|^25P03/.test(error.code ?? '') ? new slonik.BackendTerminatedError(error) : error
}

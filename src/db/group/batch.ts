import type pg from 'pg'
import type { NameOf } from '../statement-names.ts'

export interface Statement {
  text: string
  values: readonly unknown[]
}

export type Row = Record<string, unknown>

export interface BatchResult {
  /** The rows of each statement that completed, in order. */
  completed: Row[][]
  /** The error of the statement after them; PostgreSQL has skipped the rest. Null if all completed. */
  error: Error | null
}

/** Rejects only if a value cannot be encoded. */
export type RunBatch = (statements: readonly Statement[]) => Promise<BatchResult>

/**
 * Returns a function that sends several statements in one round trip. They share one Sync message: after an error,
 * PostgreSQL ignores the others. (pg's own pipeline mode sends a Sync after each statement, so PostgreSQL would run, and
 * log, an error for each statement that follows.) The connection must not be used for other statements.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export function createBatchRunner(client: pg.Client, nameOf: NameOf): RunBatch {
  /** The names of statements that this connection has prepared. */
  const prepared = new Set<string>()
  return (statements) =>
    new Promise((resolve) => {
      const encoded = statements.map(({ text, values }) => ({
        text,
        values: values.map(encode),
        name: nameOf(text),
      }))
      const submit = (connection: pg.Connection): void => send(connection, encoded, new Set(prepared))
      const done = (result: BatchResult): void => {
        for (const { name } of encoded.slice(0, result.completed.length)) if (name) prepared.add(name)
        resolve(result)
      }
      client.query(createQuery(client, submit, done))
    })
}

interface EncodedStatement {
  text: string
  values: (string | Buffer | null)[]
  name: string | undefined
}

/** The messages of a connection. pg's types lack some of these parameters, and require others without need. */
interface Messages {
  stream: { cork(): void; uncork(): void }
  parse(message: { name?: string | undefined; text: string }): void
  bind(message: { statement?: string | undefined; values: unknown[] }): void
  describe(message: { type: 'P' }): void
  execute(message: object): void
  close(message: { type: 'S'; name: string }): void
  sync(): void
}

function send(connection: pg.Connection, statements: EncodedStatement[], prepared: Set<string>): void {
  const messages = connection as unknown as Messages
  messages.stream.cork()
  for (const { name, text, values } of statements) {
    if (name === undefined) messages.parse({ text })
    else if (!prepared.has(name)) {
      // An earlier batch may have prepared it and failed afterwards. Closing an unknown statement is not an error.
      messages.close({ type: 'S', name })
      messages.parse({ name, text })
      prepared.add(name)
    }
    messages.bind({ statement: name, values })
    messages.describe({ type: 'P' })
    messages.execute({})
  }
  messages.sync()
  messages.stream.uncork()
}

function encode(value: unknown): string | Buffer | null {
  if (value === null || typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new TypeError('A statement of a batch takes no arrays and no objects')
}

/** A query of our own for pg's client, which calls these methods (https://node-postgres.com/apis/client#clientquery). */
function createQuery(
  client: pg.Client,
  submit: (connection: pg.Connection) => void,
  done: (result: BatchResult) => void,
) {
  const completed: Row[][] = []
  let rows: Row[] = []
  let fields: { name: string; parse: (text: string) => unknown }[] = []
  const query = {
    submit,
    /** pg replaces it by one that also ends the timeout of the response. */
    callback: (error: Error | null): void => done({ completed, error }),
    handleRowDescription(message: { fields: pg.FieldDef[] }) {
      fields = message.fields.map(({ name, dataTypeID }) => ({
        name,
        parse: client.getTypeParser(dataTypeID, 'text') as (text: string) => unknown,
      }))
    },
    handleDataRow({ fields: texts }: { fields: (string | null)[] }) {
      const row: Row = {}
      for (const [n, { name, parse }] of fields.entries())
        row[name] = texts[n] == null ? null : parse(texts[n])
      rows.push(row)
    },
    handleCommandComplete() {
      completed.push(rows)
      rows = []
    },
    handleReadyForQuery: () => query.callback(null),
    handleError: (error: Error) => query.callback(error),
  }
  return query
}

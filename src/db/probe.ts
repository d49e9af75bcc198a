import pg from 'pg'

const TIMEOUT_MS = 2_000

/** Throws unless the database accepts a LISTEN, which a standby refuses, and has the table of the log. */
export async function probeDatabase(connectionString: string, applicationName: string): Promise<void> {
  const client = new pg.Client({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  })
  // A connection that breaks between two calls: the next call throws.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('listen koafeed')
    await client.query('select from log limit 1')
  } finally {
    await client.end().catch(() => {})
  }
}

import pg from 'pg'

const TIMEOUT_MS = 2_000

/** @throws Error unless the database accepts LISTEN, which a standby rejects, and has the table `log` */
export async function probeDatabase(connectionString: string, applicationName: string): Promise<void> {
  const client = new pg.Client({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  })
  // Ignored, because the next call on a broken connection throws.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('listen koafeed')
    await client.query('select from log limit 1')
  } finally {
    await client.end().catch(() => {})
  }
}

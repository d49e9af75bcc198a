/** `npm run migrate`: brings the database up to date and ends. A deploy runs it before new instances start. */
import { readConfig } from './config.ts'
import { migrate } from './db/migrations.ts'
import { ensurePostgres } from './embedded/postgres.ts'

try {
  const { listenDatabaseUrl, dataDir } = readConfig(process.env)
  // The direct connection: a pooler may hand each statement to another session, and a session holds the lock.
  const database = listenDatabaseUrl
    ? { url: listenDatabaseUrl, stop: async () => {} }
    : await ensurePostgres({ dataDir, log: console.log })
  try {
    await migrate(database.url, console.log)
    console.log('The database is up to date')
  } finally {
    await database.stop()
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

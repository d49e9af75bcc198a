/**
 * `npm run migrate` migrates the database. A deploy runs it before the new instances start.
 * It also stores the files of this build for the browser, for the instances of other releases.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { offerAdminToken } from './cli/first-admin.ts'
import { readConfig } from './config.ts'
import { migrate } from './db/migrations.ts'
import { ensurePostgres } from './embedded/postgres.ts'
import { storeAssets } from './web/static/asset-store.ts'

try {
  const { listenDatabaseUrl, dataDir } = readConfig(process.env)
  // A direct connection, because a session holds the migration lock, and a pooler may switch sessions.
  const database = listenDatabaseUrl
    ? { url: listenDatabaseUrl, stop: async () => {} }
    : await ensurePostgres({ dataDir, log: console.log })
  try {
    await migrate(database.url, console.log)
    const built = join(import.meta.dirname, '../static/build')
    if (existsSync(join(built, 'manifest.json'))) await storeAssets(database.url, built)
    console.log('The database is up to date')
    await offerAdminToken(database.url, console.log)
  } finally {
    await database.stop()
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

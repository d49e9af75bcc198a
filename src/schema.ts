/**
 * `npm run schema` writes sql/schema.sql from a migrated database. `npm run schema:check` does the same and fails if git
 * sees a difference. The database is new and temporary, and always has the version of the embedded PostgreSQL.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from './db/migrations.ts'
import { startPostgres } from './embedded/postgres.ts'
import { describeSchema } from './db/schema-dump.ts'

const file = join(import.meta.dirname, '../sql/schema.sql')
const header = '-- The schema that the migrations and sql/ make. Written by npm run schema: do not edit.\n\n'

writeFileSync(file, header + (await migratedSchema()))

async function migratedSchema(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'koafeed-schema-'))
  chmodSync(dataDir, 0o755)
  try {
    const server = await startPostgres({ dataDir, log: () => {}, throwaway: true })
    try {
      await migrate(server.url, () => {})
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      try {
        return await describeSchema(client)
      } finally {
        await client.end()
      }
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/**
 * `npm run schema` writes sql/schema.sql from a migrated database. `npm run schema:check` prints the differences.
 * The database is new and temporary, and always has the version of the embedded PostgreSQL.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from './db/migrations.ts'
import { startPostgres } from './embedded/postgres.ts'
import { describeSchema } from './db/schema-dump.ts'

const file = join(import.meta.dirname, '../sql/schema.sql')
const header = '-- The schema that the migrations and sql/ make. Written by npm run schema: do not edit.\n\n'

const now = header + (await migratedSchema())
if (process.argv.includes('--check')) check(now)
else writeFileSync(file, now)

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

function check(now: string): void {
  const stored = readStored()
  if (stored === now) return console.log('sql/schema.sql matches the migrations')
  console.error('sql/schema.sql does not match the migrations (-: the file, +: the database):\n')
  console.error(difference(stored.split('\n'), now.split('\n')).join('\n'))
  console.error('\nIf the change is intended, run: npm run schema')
  process.exitCode = 1
}

function readStored(): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Returns the changed lines, each with the heading (a table, for example) that it belongs to. */
function difference(before: string[], after: string[]): string[] {
  const under = (lines: string[]) => {
    let head = ''
    return lines.map((line) => `${(head = /^\s/.test(line) || line === '' ? head : line)}\n${line}`)
  }
  const [old, now] = [under(before), under(after)]
  const [oldSet, nowSet] = [new Set(old), new Set(now)]
  const shown = (mark: string, entry: string) => {
    const [head, line] = entry.split('\n')
    return head === line ? `${mark} ${line}` : `${mark} ${line}   (${head})`
  }
  return [
    ...old.filter((entry) => !nowSet.has(entry)).map((entry) => shown('-', entry)),
    ...now.filter((entry) => !oldSet.has(entry)).map((entry) => shown('+', entry)),
  ]
}

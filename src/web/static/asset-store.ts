import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { sql, type Db } from '../../db/pool.ts'

/** Reads files that another release has built. */
export interface AssetStore {
  /** Returns null if no release has stored the file, or if the database is not available. */
  find(file: string): Promise<Buffer | null>
}

/** A request for an unknown file reads the names again, but only after this time. */
const NAMES_VALID_MS = 2_000

/** The names are kept, so that requests for files that never existed cost no statement each. */
export function createAssetStore(db: Db): AssetStore {
  let names: Promise<ReadonlySet<string>> = Promise.resolve(new Set())
  let validUntil = 0

  async function has(file: string): Promise<boolean> {
    if (!(await names).has(file) && performance.now() > validUntil) {
      validUntil = performance.now() + NAMES_VALID_MS
      names = readNames(db).catch(() => new Set<string>())
    }
    return (await names).has(file)
  }

  return {
    async find(file) {
      if (!(await has(file))) return null
      const read = db.maybeOne(
        sql.row<{ content: Buffer }>()`select content from assets where file = ${file}`,
      )
      return (await read.catch(() => null))?.content ?? null
    },
  }
}

async function readNames(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db.any(sql.row<{ file: string }>()`select file from assets`)
  return new Set(rows.map(({ file }) => file))
}

/**
 * Stores the files of the build in `folder`, so that the instances of other releases can serve them. Files that no
 * deploy has stored for 30 days are deleted.
 */
export async function storeAssets(databaseUrl: string, folder: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Record<string, string>
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'koafeed:migrate' })
  await client.connect()
  try {
    for (const file of Object.values(manifest)) {
      await client.query(
        `insert into assets (file, content, stored_at)
         values ($1, $2, clock_timestamp())
         on conflict (file) do update
         set stored_at = excluded.stored_at`,
        [file, await readFile(join(folder, file))],
      )
    }
    await client.query(`delete from assets where stored_at < clock_timestamp() - interval '30 days'`)
  } finally {
    await client.end()
  }
}

import { ADMIN_TOKEN_HOURS, createAdminToken, hasAdmin } from '../admin/admins.ts'
import { createDb } from '../db/pool.ts'
import { createWrite } from '../db/write.ts'

/**
 * Prints a token with which a person becomes an admin, if the site has none. The first person who registers may be a
 * stranger, so nobody becomes an admin without it. After an error it prints the error: the site works without an admin.
 */
export async function offerAdminToken(databaseUrl: string, print: (line: string) => void): Promise<void> {
  try {
    await createOffer(databaseUrl, print)
  } catch (error) {
    print(`No token for an admin could be created: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function createOffer(databaseUrl: string, print: (line: string) => void): Promise<void> {
  // One connection and no prepared statements: this works through any pooler.
  const db = await createDb(databaseUrl, { applicationName: 'koafeed:admin', maxPoolSize: 1, names: false })
  try {
    if (await hasAdmin(db)) return
    const token = await createAdminToken(createWrite(db))
    print('This site has no admin. To become one, register, and enter this token on the page /admin/token.')
    print(`It works once, within ${ADMIN_TOKEN_HOURS} hours: ${token}`)
  } finally {
    await db.end()
  }
}

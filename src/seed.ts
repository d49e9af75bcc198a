/**
 * `npm run seed` adds demo users, groups and posts. It uses DATABASE_URL, or else the embedded PostgreSQL, even while
 * `npm start` runs on it. A second run adds nothing.
 */
import { readConfig, type Config } from './config.ts'
import { createDb, sql, type Db } from './db/pool.ts'
import { createWrite } from './db/write.ts'
import { migrate } from './db/migrations.ts'
import { ensurePostgres } from './embedded/postgres.ts'
import { fill, findTakenNames } from './seed/fill.ts'
import { groups, people } from './seed/people.ts'
import { createPasswords } from './users/passwords.ts'

const PASSWORD = 'koafeed-demo'
const FORCE = 'To add the demo users anyway: npm run seed -- --force'

try {
  await run(readConfig(process.env), process.argv.includes('--force'))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(config: Config, force: boolean): Promise<void> {
  if (config.production && !force) {
    throw new Error(
      `This is production, and the password of the demo users is public; nothing was added. ${FORCE}`,
    )
  }
  const { databaseUrl, dataDir } = config
  const database = databaseUrl
    ? { url: databaseUrl, stop: async () => {} }
    : await ensurePostgres({ dataDir, log: console.log })
  try {
    const db = await createDb(database.url, { applicationName: 'koafeed:seed', maxPoolSize: 1 })
    try {
      if (databaseUrl && !force) await refuseForeignUsers(db)
      await migrate(config.listenDatabaseUrl ?? database.url, console.log)
      await seed(db)
    } finally {
      await db.end()
    }
  } finally {
    await database.stop()
  }
}

async function seed(db: Awaited<ReturnType<typeof createDb>>): Promise<void> {
  const taken = await findTakenNames(db)
  if (taken.length === people.length + groups.length) {
    console.log('The demo users exist already; nothing was added.')
  } else if (taken.length > 0) {
    throw new Error(`Nothing was added, because these names are taken: ${taken.join(', ')}`)
  } else {
    const hash = await createPasswords().hash(PASSWORD)
    const count = await fill(createWrite(db), hash)
    console.log(
      `Added ${people.length} users, ${groups.length} groups and ${count} posts, comments and likes.`,
    )
  }
  const [first, ...others] = people.map(({ username }) => username)
  console.log(
    `Sign in as ${first} with the password ${PASSWORD}. The other users have the same password: ${others.join(', ')}.`,
  )
}

/** DATABASE_URL may name a database in real use. Users that are not demo users indicate that. */
async function refuseForeignUsers(db: Db): Promise<void> {
  const hasTable = await db.exists(sql.command`select where to_regclass('users') is not null`)
  if (!hasTable) return
  const others = await db.oneFirst(sql.row<{ count: string }>()`
    select count(*)
    from users
    where username <> all(${sql.array(
      people.map(({ username }) => username),
      'text',
    )})`)
  if (others === '0') return
  throw new Error(
    `The database of DATABASE_URL has users that are not demo users (${others}); nothing was added. ${FORCE}`,
  )
}

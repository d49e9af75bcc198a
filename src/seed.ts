/**
 * `npm run seed`: fills the database with people to try the site with. It uses DATABASE_URL, or else the embedded
 * PostgreSQL, that of a running `npm start` included. A second run finds the people and adds nothing.
 */
import { readConfig, type Config } from './config.ts'
import { createDb, createWrite, sql, type Db } from './db/pool.ts'
import { migrate } from './db/migrations.ts'
import { ensurePostgres } from './embedded/postgres.ts'
import { fill, findTakenNames } from './seed/fill.ts'
import { groups, people } from './seed/people.ts'
import { createPasswords } from './users/passwords.ts'

const PASSWORD = 'koafeed-demo'
const FORCE = 'If you do want that: npm run seed -- --force'

try {
  await run(readConfig(process.env), process.argv.includes('--force'))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(config: Config, force: boolean): Promise<void> {
  if (config.production && !force) {
    throw new Error(`Demo people have a password that everybody knows, and this is production. ${FORCE}`)
  }
  const { databaseUrl, dataDir } = config
  const database = databaseUrl
    ? { url: databaseUrl, stop: async () => {} }
    : await ensurePostgres({ dataDir, log: console.log })
  try {
    const db = await createDb(database.url, { applicationName: 'koafeed:seed', maxPoolSize: 1 })
    try {
      if (databaseUrl && !force) await refuseStrangers(db)
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
    console.log('The demo people are here already; nothing was added.')
  } else if (taken.length > 0) {
    throw new Error(`Nothing was added, as somebody here has a name that a demo needs: ${taken.join(', ')}`)
  } else {
    const hash = await createPasswords().hash(PASSWORD)
    const count = await fill(createWrite(db), hash)
    console.log(
      `Added ${people.length} people, ${groups.length} groups and ${count} posts, comments and likes.`,
    )
  }
  const [first, ...others] = people.map(({ username }) => username)
  console.log(`Sign in as ${first} / ${PASSWORD} (or, with the same password, as ${others.join(', ')}).`)
}

/** A database that was named in the environment may be anybody's: people in it who are not ours are a sign. */
async function refuseStrangers(db: Db): Promise<void> {
  const known = await db.exists(sql.unsafe`select where to_regclass('users') is not null`)
  if (!known) return
  const strangers = await db.oneFirst(sql.row<{ count: string }>()`
    select count(*)
    from users
    where username <> all(${sql.array(
      people.map(({ username }) => username),
      'text',
    )})`)
  if (strangers === '0') return
  throw new Error(
    `There are ${strangers} people in the database of DATABASE_URL; nothing was added. ${FORCE}`,
  )
}

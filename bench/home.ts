/**
 * Compares the home page of a member of 100 groups with that of a member of one group. Each group has 500 posts.
 * `node bench/home.ts`
 */
import { client } from '../test/support/http.ts'
import { startInstance, stopInstances } from '../test/support/servers/instance.ts'
import { startPostgres, type BenchPostgres } from '../test/faults/cluster/postgres.ts'
import { productionEnv, line, measure } from './measure.ts'

const GROUPS = 100
const POSTS = 500
const TIMES = 60

const postgres = await startPostgres()
try {
  const instance = await startInstance({ databaseUrl: postgres.url, env: productionEnv })
  const one = await client(instance.origin).register('one')
  const many = await client(instance.origin).register('many')
  await fill(postgres)
  const [few, all] = [await one.get('/'), await many.get('/')]
  console.log(`${GROUPS} groups, half of them private, with ${POSTS} posts each`)
  console.log(
    `in one: ${few.json.posts.length} posts of ${few.json.feeds.length} feeds; in all: ${all.json.posts.length} of ${all.json.feeds.length}`,
  )
  console.log(`${''.padEnd(26)}      in one      in 100`)
  const older = { one: few.json.before as string, many: all.json.before as string }
  for (const [what, path, accept] of [
    ['home, JSON', () => '/', 'application/json'],
    ['home, HTML', () => '/', 'text/html'],
    ['the second page, JSON', (who) => `/?before=${encodeURIComponent(older[who])}`, 'application/json'],
  ] satisfies [string, (who: 'one' | 'many') => string, string][]) {
    const taken = await measure(
      { one: () => one.get(path('one'), { accept }), many: () => many.get(path('many'), { accept }) },
      TIMES,
    )
    console.log(line(what, taken.one, taken.many))
  }
} finally {
  await stopInstances()
  await postgres.remove()
}
process.exit(0)

async function fill({ connect }: BenchPostgres): Promise<void> {
  const database = await connect()
  try {
    await database.query(`
      insert into groups (name, title, visibility)
      select 'group_' || n, 'Group ' || n, case n % 2 when 0 then 'public' else 'private' end
      from generate_series(1, ${GROUPS}) n`)
    await database.query(`
      insert into subscriptions (user_id, feed_id)
      select u.id, g.feed_id from users u, groups g
      where u.username = 'many' or u.username = 'one' and g.name = 'group_1'`)
    await database.query('set session_replication_role = replica')
    // The posts of the groups alternate in time, as if all groups were equally active.
    await database.query(`
      insert into posts (author_id, group_id, body, created_at)
      select (select id from users where username = 'many'), g.id, 'Post ' || n || ' of ' || g.title,
        now() - (n * ${GROUPS} + g.id) * interval '1 minute'
      from generate_series(${POSTS}, 1, -1) n, groups g`)
    await database.query(`
      insert into entries (feed_id, post_id, at, reason, actor_id)
      select g.feed_id, p.id, p.created_at, 'posted', p.author_id
      from posts p join groups g on g.id = p.group_id
      union all
      select f.id, p.id, p.created_at, 'posted', p.author_id
      from posts p join groups g on g.id = p.group_id join feeds f on f.kind = 'public'
      where g.visibility = 'public'`)
    await database.query('reset session_replication_role')
    await database.query('analyze')
  } finally {
    await database.end()
  }
}

import { sql, type Db, type Write } from '../db/pool.ts'
import { chooseFollows, playThreads, type Action } from './history.ts'
import { groups, people } from './people.ts'
import { createRandom } from './random.ts'
import { threads } from './threads.ts'

/** Rows per transaction. Triggers write more rows, and other writers wait until the transaction ends. */
const BATCH = 200
const DAY = 24 * 60 * 60 * 1000

/** Returns the names of demo users and groups that are already taken. */
export async function findTakenNames(db: Db): Promise<string[]> {
  const wanted = [...people.map(({ username }) => username), ...groups.map(({ name }) => name)]
  const taken = await db.anyFirst(sql.row<{ name: string }>()`
    select name
    from names
    where current and name = any(${sql.array(wanted, 'text')})
    order by name`)
  return [...taken]
}

/**
 * Inserts the demo users, their groups and follows, and two weeks of posts, comments and likes before `now`. The
 * triggers count and publish these rows like any others. Returns the number of posts, comments and likes.
 */
export async function fill(write: Write, passwordHash: string, now = new Date()): Promise<number> {
  const random = createRandom(7)
  const joined = () => new Date(now.getTime() - random.whole(20, 80) * DAY).toISOString()
  const follows = chooseFollows(threads, random).map(([by, of]) => ({ by, of, at: joined() }))
  const actions = playThreads(threads, random, now)

  await inBatches(write, people, (db, person) =>
    db.query(sql.command`
      insert into users (username, name, bio, password_hash, created_at)
      values (${person.username}, ${person.name}, ${person.bio}, ${passwordHash}, ${joined()})`),
  )
  await inBatches(write, groups, async (db, { name, title, description, visibility, members }) => {
    await db.query(sql.command`
      insert into groups (name, title, description, visibility, created_at)
      values (${name}, ${title}, ${description}, ${visibility}, ${joined()})`)
    for (const member of members) await subscribe(db, { by: member, of: name, at: joined() })
  })
  await inBatches(write, follows, subscribe)

  const ids = new Map<string, string>()
  await inBatches(write, actions, (db, action) => insertAction(db, action, ids))
  return actions.length
}

async function inBatches<T>(
  write: Write,
  rows: T[],
  insert: (db: Db, row: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < rows.length; start += BATCH) {
    await write(async (db) => {
      for (const row of rows.slice(start, start + BATCH)) await insert(db, row)
    })
  }
}

async function subscribe(db: Db, { by, of, at }: { by: string; of: string; at: string }): Promise<void> {
  await db.query(sql.command`
    insert into subscriptions (user_id, feed_id, created_at)
    select u.id, n.feed_id, ${at}::timestamptz
    from users u, names n
    where u.username = ${by} and n.name = ${of}`)
}

/** `ids` maps posts and comments to their ids in the database. */
async function insertAction(db: Db, action: Action, ids: Map<string, string>): Promise<void> {
  const { by, thread } = action
  const at = action.at.toISOString()
  const me = sql.fragment`(select id from users where username = ${by})`
  const post = ids.get(`${thread}`) ?? null
  switch (action.what) {
    case 'post': {
      const made = await db.oneFirst(sql.row<{ id: string }>()`
        insert into posts (author_id, group_id, body, created_at)
        values (${me}, (select id from groups where name = ${action.group}), ${action.body}, ${at})
        returning id`)
      ids.set(`${thread}`, made)
      break
    }
    case 'comment': {
      const made = await db.oneFirst(sql.row<{ id: string }>()`
        insert into comments (post_id, author_id, body, created_at)
        values (${post}, ${me}, ${action.body}, ${at})
        returning id`)
      ids.set(`${thread}.${action.comment}`, made)
      break
    }
    case 'like':
      await db.query(sql.command`
        insert into post_likes (post_id, user_id, created_at) values (${post}, ${me}, ${at})`)
      break
    case 'comment like':
      await db.query(sql.command`
        insert into comment_likes (comment_id, user_id, created_at)
        values (${ids.get(`${thread}.${action.comment}`) ?? null}, ${me}, ${at})`)
      break
  }
}

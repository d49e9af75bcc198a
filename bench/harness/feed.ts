import { createHash } from 'node:crypto'
import { threads } from '../../src/seed/threads.ts'
import { createRandom } from '../simulate/random.ts'
import { withClient } from './servers/postgres.ts'

/** How large the data set is. */
export interface FeedSize {
  people: number
  posts: number
  comments: number
  likes: number
  /** How many people the reader follows. */
  followed: number
}

export const FULL: FeedSize = { people: 200, posts: 10_000, comments: 30_000, likes: 30_000, followed: 50 }
export const SMALL: FeedSize = { people: 200, posts: 1_000, comments: 3_000, likes: 3_000, followed: 50 }

const ROWS_PER_COMMIT = 300

/** The reader is person 1 and follows persons 2 to 51; everybody has a session, and follows ten others. */
export function personName(n: number): string {
  return `person${n}`
}

/** The session of person n: the value of the cookie `koafeed`. */
export function sessionOf(n: number): string {
  return createHash('sha256').update(`session of person ${n}`).digest('base64url')
}

export function cookieOf(n: number): { Cookie: string } {
  return { Cookie: `koafeed=${sessionOf(n)}` }
}

/**
 * Fills an empty, migrated database with plain SQL, so that the triggers make counters, entries and the log. The texts
 * are those of `npm run seed`. The same data on each run. Keeps only the newest row of the log, as a night of upkeep
 * does, because databases are copied from this one.
 */
export async function fillFeed(url: string, size: FeedSize): Promise<void> {
  const random = createRandom(11)
  const bodies = threads.map(({ body }) => body)
  const replies = threads.flatMap(({ comments = [] }) => comments.map(([, text]) => text))
  const person = () => random.between(1, size.people)
  const post = () => random.between(1, size.posts)
  const rows = (count: number, row: () => (number | string)[]) => Array.from({ length: count }, row)
  await withClient(url, async (client) => {
    const insert = async (text: string, all: (number | string)[][]): Promise<void> => {
      for (let start = 0; start < all.length; start += ROWS_PER_COMMIT) {
        await client.query(text, [JSON.stringify(all.slice(start, start + ROWS_PER_COMMIT))])
      }
    }
    const people = Array.from({ length: size.people }, (_, n) => [personName(n + 1), hashOf(n + 1)])
    await insert(INSERT_PEOPLE, people)
    await insert(INSERT_SESSIONS, people)
    await insert(INSERT_FOLLOWS, followsOf(size))
    await insert(
      INSERT_POSTS,
      rows(size.posts, () => [person(), `${random.pick(bodies)} ${random.pick(replies)}`]),
    )
    await insert(
      INSERT_COMMENTS,
      rows(size.comments, () => [post(), person(), `${random.pick(replies)} ${random.pick(replies)}`]),
    )
    await insert(
      INSERT_LIKES,
      distinct(size.likes, () => [post(), person()]),
    )
    await client.query('delete from log where seq < (select max(seq) from log)')
    await client.query('vacuum (full, analyze) log')
    await client.query('vacuum analyze')
    await client.query('checkpoint')
  })
}

const INSERT_PEOPLE = `
  insert into users (username, name, password_hash)
  select row ->> 0, 'Person ' || (row ->> 0), 'no password opens this' from jsonb_array_elements($1::jsonb) row`
const INSERT_SESSIONS = `
  insert into sessions (id_hash, user_id, expires_at)
  select decode(row ->> 1, 'hex'), u.id, now() + interval '1 day'
  from jsonb_array_elements($1::jsonb) row
  join users u on u.username = row ->> 0`
const INSERT_FOLLOWS = `
  insert into subscriptions (user_id, feed_id)
  select follower.id, followed.feed_id
  from jsonb_array_elements($1::jsonb) row
  join users follower on follower.username = row ->> 0
  join users followed on followed.username = row ->> 1`
const INSERT_POSTS = `
  insert into posts (author_id, body)
  select u.id, row ->> 1
  from jsonb_array_elements($1::jsonb) row
  join users u on u.username = 'person' || (row ->> 0)`
const INSERT_COMMENTS = `
  insert into comments (post_id, author_id, body)
  select (row ->> 0)::bigint, u.id, row ->> 2
  from jsonb_array_elements($1::jsonb) row
  join users u on u.username = 'person' || (row ->> 1)`
const INSERT_LIKES = `
  insert into post_likes (post_id, user_id)
  select (row ->> 0)::bigint, u.id
  from jsonb_array_elements($1::jsonb) row
  join users u on u.username = 'person' || (row ->> 1)`

function followsOf({ people, followed }: FeedSize): string[][] {
  return Array.from({ length: people }, (_, n) =>
    Array.from({ length: n === 0 ? followed : 10 }, (_, offset) => [
      personName(n + 1),
      personName(((n + 1 + offset) % people) + 1),
    ]),
  ).flat()
}

function distinct(count: number, pair: () => number[]): number[][] {
  const found = new Map<string, number[]>()
  while (found.size < count) {
    const [a = 0, b = 0] = pair()
    found.set(`${a} ${b}`, [a, b])
  }
  return [...found.values()]
}

function hashOf(n: number): string {
  return createHash('sha256').update(sessionOf(n)).digest('hex')
}

import type pg from 'pg'

/** What the data set holds. */
export interface MillionSize {
  people: number
  posts: number
  subscriptions: number
}

export const MILLION: MillionSize = { people: 100_000, posts: 1_000_000, subscriptions: 5_000_000 }
export const SMALL: MillionSize = { people: 12_000, posts: 5_000, subscriptions: 50_000 }

/** By username: how many people each reader follows. */
export const READERS = {
  follows_50: { follows: 50, title: '50 people' },
  follows_1000: { follows: 1_000, title: '1,000 people' },
  follows_10000: { follows: 10_000, title: '10,000 people' },
  follows_silent: { follows: 1_000, title: '1,000 people without posts' },
}
export type Reader = keyof typeof READERS

/**
 * Fills an empty, migrated database with people, subscriptions, posts, comments and likes, as if they had been written
 * one after the other: counters and entries agree with the rows. The triggers are off, because they would take an hour.
 * Few people write most of the posts. A tenth of the people never write, comment or like: `follows_silent` follows these.
 */
export async function fillMillion(client: pg.Client, size: MillionSize): Promise<void> {
  for (const step of steps(size)) {
    for (const statement of step.split(/;\s+/)) await client.query(statement)
  }
}

function steps({ people, posts, subscriptions }: MillionSize): string[] {
  const writers = Math.floor(people * 0.9)
  // A skewed number from 1 to `writers`, which depends on `n` and `salt` only.
  const skewed = (n: string, salt: number) =>
    `(1 + floor(${writers} * power(${uniform(n, salt)}, 2)))::bigint`
  return [
    `set session_replication_role = replica; set synchronous_commit = off`,
    `with f as (insert into feeds (kind) select 'user' from generate_series(1, ${people}) returning id)
       insert into users (feed_id, username, name, password_hash, created_at)
       select id, 'person' || row_number() over (order by id), 'Person ' || row_number() over (order by id), 'none',
         now() - interval '2 years'
       from f order by id`,
    `insert into names (name, feed_id) select username, feed_id from users`,
    `insert into posts (author_id, body, created_at)
       select u.id, 'Post ' || n, now() - interval '1 year' + n * (interval '364 days' / ${posts})
       from generate_series(1, ${posts}) n
       join users u on u.id = ${skewed('n', 1)}
       order by n`,
    `insert into post_likes (post_id, user_id, created_at)
       select p.id, u.id, p.created_at + ${uniform('p.id', 10)} * ${uniform('p.id * 2 + k', 11)} * least(interval '10 days', now() - p.created_at)
       from posts p
       cross join generate_series(1, 2) k
       join users u on u.id = ${skewed('p.id * 2 + k', 2)}
       on conflict do nothing`,
    `insert into comments (post_id, author_id, body, created_at)
       select p.id, u.id, 'Comment on ' || p.id,
         p.created_at + ${uniform('p.id', 12)} * least(interval '1 day', now() - p.created_at)
       from posts p
       join users u on u.id = ${skewed('p.id', 3)}
       where p.id % 2 = 0
       order by p.id`,
    `update posts p
       set like_count = (select count(*) from post_likes l where l.post_id = p.id),
           comment_count = (select count(*) from comments c where c.post_id = p.id)`,
    `insert into entries (feed_id, post_id, at, reason, actor_id)
       select distinct on (feed_id, post_id) feed_id, post_id, at, reason, actor_id
       from (
         select f.feed_id, p.id as post_id, coalesce(c.created_at, p.created_at) as at, 'posted' as reason,
           p.author_id as actor_id, 1 as rank
         from posts p
         left join comments c on c.post_id = p.id
         join users author on author.id = p.author_id
         cross join lateral (
           values (author.feed_id), ((select id from feeds where kind = 'public'))
         ) f (feed_id)
         union all
         select u.feed_id, c.post_id, c.created_at, 'commented', u.id, 2
         from comments c join users u on u.id = c.author_id
         union all
         select u.feed_id, l.post_id, l.created_at, 'liked', u.id, 3
         from post_likes l join users u on u.id = l.user_id
       ) all_entries
       order by feed_id, post_id, rank`,
    // Rows that are written over a year are in the order of time, not of feeds.
    `create index on entries (at); cluster entries using entries_at_idx; drop index entries_at_idx`,
    `insert into subscriptions (user_id, feed_id, created_at)
       select id, feed_id, created_at from users
       union all
       select distinct on (a.id, b.feed_id) a.id, b.feed_id, now() - ${uniform('n', 20)} * interval '1 year'
       from generate_series(1, ${Math.floor((subscriptions - people) * 1.03)}) n
       join users a on a.id = 1 + n % ${people}
       join users b on b.id = ${skewed('n', 4)}
       where a.id <> b.id`,
    readers(people, writers),
    countsOf,
    `reset session_replication_role; reset synchronous_commit; vacuum analyze`,
  ]
}

/** A number from 0 to 1 that looks random. */
function uniform(n: string, salt: number): string {
  return `((hashint8extended((${n})::bigint, ${salt}) & 1048575) / 1048576.0)`
}

/** Each reader follows people who are chosen as if at random: of all who write, or of those who never do. */
function readers(people: number, writers: number): string {
  return Object.entries(READERS)
    .map(([username, { follows }]) => {
      const [first, last] = username === 'follows_silent' ? [writers + 1, people] : [1, writers]
      return `
        with f as (insert into feeds (kind) values ('user') returning id),
        u as (
          insert into users (feed_id, username, name, password_hash)
          select id, '${username}', '${username}', 'none' from f returning id, feed_id
        ),
        n as (insert into names (name, feed_id) select '${username}', feed_id from u)
        insert into subscriptions (user_id, feed_id)
        select id, feed_id from u
        union all
        (
          select u.id, other.feed_id
          from users other, u
          where other.id between ${first} and ${last}
          order by hashint8extended(other.id, ${follows})
          limit ${follows}
        )`
    })
    .join(';\n')
}

const countsOf = `
  insert into feed_counts (feed_id, subscriber_count, following_count)
  select feed_id, sum(subscribers), sum(following)
  from (
    select s.feed_id, 1 as subscribers, 0 as following
    from subscriptions s join users u on u.id = s.user_id where u.feed_id <> s.feed_id
    union all
    select u.feed_id, 0, 1
    from subscriptions s join users u on u.id = s.user_id where u.feed_id <> s.feed_id
  ) changes
  group by feed_id`

import type { DatabaseState } from './checker.ts'
import type { Cluster } from './cluster/cluster.ts'

/** Reads the log after `from`, and every post. */
export async function readDatabaseState({ postgres }: Cluster, from: number): Promise<DatabaseState> {
  const log = await postgres.query<DatabaseState['log'][number]>(
    `select seq::float8 as seq, topics, payload -> 'post' ->> 'body' as body,
       event = 'post' and payload ->> 'action' = 'created' as created
     from log
     where seq > $1 and event not in ('subscription', 'session')
     order by seq`,
    [from],
  )
  const posts = await postgres.query<{ body: string; count: number }>(
    'select body, count(*)::int as count from posts group by body',
  )
  return { log, posts: new Map(posts.map(({ body, count }) => [body, count])) }
}

/** Reads the topics of a user's home stream. */
export async function topicsOf({ postgres }: Cluster, username: string): Promise<Set<string>> {
  const rows = await postgres.query<{ topic: string }>(
    `select 'feed:' || s.feed_id as topic
     from subscriptions s
     join users u on u.id = s.user_id
     where u.username = $1
     union all select 'all'`,
    [username],
  )
  return new Set(rows.map(({ topic }) => topic))
}

export async function newestSeq({ postgres }: Cluster): Promise<number> {
  const [row] = await postgres.query<{ seq: number }>('select max(seq)::float8 as seq from log')
  return row!.seq
}

import type { Check } from './checks.ts'

/** The newest event of each post that the log has. */
const NEWEST = `
  select distinct on (l.payload -> 'post' ->> 'id')
    (l.payload -> 'post' ->> 'id')::bigint as post_id, l.seq, l.topics, l.payload
  from log l
  where l.payload ? 'post'
  order by l.payload -> 'post' ->> 'id', l.seq desc`

export const LOG_CHECKS: Check[] = [
  {
    name: 'log',
    promise: 'The newest event of each post has its present text and numbers, or its deletion.',
    find: `
      with newest as materialized (${NEWEST})
      select n.post_id as id, format('the newest event of post %s (%s) shows another state', n.post_id, n.seq) as fault
      from newest n
      left join posts p on p.id = n.post_id
      where case
        when p.id is null then n.payload ->> 'action' is distinct from 'deleted'
        else (
          n.payload -> 'post' ->> 'body',
          n.payload -> 'post' ->> 'edited_at',
          n.payload -> 'post' ->> 'like_count',
          n.payload -> 'post' ->> 'comment_count'
        ) is distinct from (p.body, utc(p.edited_at), p.like_count::text, p.comment_count::text)
          and is_kept(p.id)
      end`,
    repair: [
      'select lock_post($1)',
      `insert into outbox (event, payload, post_id)
       select 'post', '{"action": "edited"}', id from posts where id = $1`,
      // Last, because it takes the lock of the log.
      `select append_log(
         'post',
         n.topics,
         jsonb_build_object(
           'action', 'deleted',
           'post', jsonb_build_object('id', n.post_id::text),
           'entries', (
             select coalesce(jsonb_agg(jsonb_build_object('feed', e -> 'feed', 'removed', true)), '[]')
             from jsonb_array_elements(coalesce(n.payload -> 'post' -> 'entries', '[]')) e
           )
         )
       )
       from (${NEWEST}) n
       where n.post_id = $1 and not exists (select from posts where id = $1)`,
    ],
  },
  {
    name: 'log numbers',
    promise: 'The sequence of the log is at or above its newest event.',
    find: `
      select newest.seq as id, format('log_seq is at %s, and the newest event is %s', s.last_value, newest.seq) as fault
      from log_seq s
      cross join (select coalesce(max(seq), 0) as seq from log) newest
      where s.last_value < newest.seq`,
    repair: [`select setval('log_seq', greatest($1::bigint, (select max(seq) from log)))`],
  },
  {
    name: 'outbox',
    promise: 'The outbox is empty after each commit.',
    find: `select 0 as id, format('%s rows were left', count(*)) as fault from outbox having count(*) > 0`,
    repair: [
      `delete from outbox
       where transaction < pg_snapshot_xmin(pg_current_snapshot()) and $1::bigint = 0`,
    ],
  },
]

import type { Check } from './checks.ts'

/** The feeds to which a post was posted, as rows (post_id, feed_id). */
const POSTED_FEEDS = `
  select p.id as post_id, u.feed_id from posts p join users u on u.id = p.author_id where p.group_id is null
  union all
  select p.id, g.feed_id from posts p join groups g on g.id = p.group_id
  union all
  select p.id, f.id
  from posts p
  join feeds f on f.kind = 'public'
  where not exists (select from groups g where g.id = p.group_id and g.visibility = 'private')`

/** People who commented on a post or liked it, with the reason that their feed must have: (post_id, user_id, reason). */
const REACTIONS = `
  select post_id, author_id as user_id, 'commented' as reason from comments
  union
  select l.post_id, l.user_id, 'liked'
  from post_likes l
  where not exists (select from comments c where c.post_id = l.post_id and c.author_id = l.user_id)`

/**
 * `faults` is materialized: PostgreSQL would otherwise call is_kept() for every row, and not only for those with a fault.
 *
 * A post that once had 64 entries lacks some of its reactions, and may have fewer today. So a missing entry of a
 * reaction counts only if the post has fewer people than that.
 */
export const ENTRIES: Check = {
  name: 'entries',
  promise:
    'Each post is in the feeds to which it was posted, and in those of people who commented on it or liked it; ' +
    'a post of a private group is nowhere else.',
  find: `
    with posted as materialized (${POSTED_FEEDS}),
    reactions as materialized (${REACTIONS}),
    faults as materialized (
      select w.post_id, w.feed_id, 'lacks the post, which was posted there' as fault
      from posted w
      where not exists (
        select from entries e where e.post_id = w.post_id and e.feed_id = w.feed_id and e.reason = 'posted'
      )
      union all
      select e.post_id, e.feed_id, 'has the post as posted, which was posted elsewhere'
      from entries e
      where e.reason = 'posted'
        and not exists (select from posted w where w.post_id = e.post_id and w.feed_id = e.feed_id)
      union all
      select e.post_id, e.feed_id, 'has a post of a private group'
      from entries e
      join posts p on p.id = e.post_id
      join groups g on g.id = p.group_id and g.visibility = 'private'
      where e.feed_id <> g.feed_id
      union all
      select e.post_id, e.feed_id, 'has the post for a reason that is gone'
      from entries e
      join users actor on actor.id = e.actor_id and actor.deleted_at is null
      where e.reason <> 'posted'
        and not exists (
          select
          from reactions r
          where r.post_id = e.post_id and r.user_id = e.actor_id and r.reason = e.reason
            and actor.feed_id = e.feed_id
        )
      union all
      select e.post_id, e.feed_id, 'has the post at a place before its newest comment'
      from entries e
      where e.reason = 'posted'
        and e.at < (select max(c.created_at) from comments c where c.post_id = e.post_id)
      union all
      select r.post_id, u.feed_id, 'lacks the post, to which its owner reacted'
      from reactions r
      join users u on u.id = r.user_id and u.deleted_at is null
      join posts p on p.id = r.post_id
      where not exists (select from groups g where g.id = p.group_id and g.visibility = 'private')
        and not exists (select from entries e where e.post_id = r.post_id and e.feed_id = u.feed_id)
        and p.like_count + p.comment_count + 2 < max_entries()
    )
    select f.post_id as id, string_agg(format('feed %s %s: post %s', f.feed_id, f.fault, f.post_id), '; ') as fault
    from faults f
    where is_kept(f.post_id)
    group by f.post_id
    order by f.post_id`,
  repair: [
    'select lock_post($1)',
    `delete from entries e
     where e.post_id = $1
       and case
         when e.reason = 'posted' then e.feed_id not in (select feed_id from (${POSTED_FEEDS}) w where w.post_id = $1)
         else e.feed_id <> (select feed_id from users where id = e.actor_id)
           or exists (
             select
             from posts p
             join groups g on g.id = p.group_id and g.visibility = 'private'
             where p.id = e.post_id
           )
       end`,
    `insert into entries (feed_id, post_id, at, reason, actor_id)
     select w.feed_id, p.id, p.created_at, 'posted', p.author_id
     from posts p
     join (${POSTED_FEEDS}) w on w.post_id = p.id
     where p.id = $1
     on conflict (feed_id, post_id) do update set reason = 'posted', actor_id = excluded.actor_id`,
    `update entries e
     set at = newest.at
     from (select max(created_at) as at from comments where post_id = $1) newest
     where e.post_id = $1 and e.reason = 'posted' and e.at < newest.at`,
    'select recompute_entry($1, actor_id) from entries where post_id = $1 and reason <> $$posted$$',
    `insert into entries (feed_id, post_id, at, reason, actor_id)
     select u.feed_id, $1, now(), r.reason, r.user_id
     from (${REACTIONS}) r
     join users u on u.id = r.user_id and u.deleted_at is null
     where r.post_id = $1 and exists (select from feed_to_add($1, r.user_id))
     order by r.user_id
     limit greatest(0, max_entries() - (select count(*) from entries where post_id = $1))
     on conflict do nothing`,
    'select recompute_entry($1, actor_id) from entries where post_id = $1 and reason <> $$posted$$',
    `insert into outbox (event, payload, post_id) values ('post', '{"action": "edited"}', $1)`,
  ],
}

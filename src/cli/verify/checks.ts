/** One promise about the data. All checks of a run see the same snapshot. */
export interface Check {
  name: string
  /** What is true of sound data. `npm run admin -- verify --help` and docs/community.md list it. */
  promise: string
  /** Selects a row for each fault: `id` (for `repair`) and `fault` (for people). */
  find: string
  /**
   * Statements of one transaction, with the id as $1, that compute the right values again. Whatever a page shows is
   * noted in the outbox, so open pages and cached cards follow.
   */
  repair: string[]
}

/** The event with the present card of a post. */
const NOTE_POST = `insert into outbox (event, payload, post_id) values ('post', '{"action": "edited"}', $1)`

export const CHECKS: Check[] = [
  {
    name: 'post counters',
    promise: 'A post counts the likes and comments that it has.',
    find: `
      with counted as materialized (
        select
          p.id, p.like_count, p.comment_count,
          coalesce(l.likes, 0) as likes, coalesce(c.comments, 0) as comments
        from posts p
        left join (select post_id, count(*) as likes from post_likes group by 1) l on l.post_id = p.id
        left join (select post_id, count(*) as comments from comments group by 1) c on c.post_id = p.id
        where (p.like_count, p.comment_count) is distinct from (coalesce(l.likes, 0), coalesce(c.comments, 0))
      )
      select id, format('post %s counts %s likes and %s comments, and has %s and %s',
        id, like_count, comment_count, likes, comments) as fault
      from counted
      where is_kept(id)`,
    repair: [
      'select lock_post($1)',
      `update posts p
       set like_count = (select count(*) from post_likes where post_id = p.id),
           comment_count = (select count(*) from comments where post_id = p.id)
       where p.id = $1`,
      NOTE_POST,
    ],
  },
  {
    name: 'comment counters',
    promise: 'A comment counts the likes that it has.',
    find: `
      with counted as materialized (
        select c.id, c.post_id, c.author_id, c.like_count, coalesce(l.likes, 0) as likes
        from comments c
        left join (select comment_id, count(*) as likes from comment_likes group by 1) l on l.comment_id = c.id
        where c.like_count <> coalesce(l.likes, 0)
      )
      select c.id, format('comment %s counts %s likes, and has %s', c.id, c.like_count, c.likes) as fault
      from counted c
      join users author on author.id = c.author_id and author.deleted_at is null
      where is_kept(c.post_id)`,
    repair: [
      'select lock_post(post_id) from comments where id = $1',
      `update comments c
       set like_count = (select count(*) from comment_likes where comment_id = c.id)
       where c.id = $1`,
      `insert into outbox (event, payload, post_id, comment_id)
       select 'comment', '{"action": "edited"}', post_id, id from comments where id = $1`,
    ],
  },
  {
    name: 'follower counts',
    promise: 'Each person and group counts its followers or members, and each person those whom they follow.',
    find: `
      with counted as (
        select
          f.id,
          coalesce(c.subscriber_count, 0) as subscriber_count,
          coalesce(c.following_count, 0) as following_count,
          (select count(*) from subscriptions s where s.feed_id = f.id and s.user_id is distinct from u.id)
            as subscribers,
          (
            select count(*)
            from subscriptions s
            join users followed on followed.feed_id = s.feed_id
            where s.user_id = u.id and followed.id <> u.id
          ) as following
        from feeds f
        left join users u on u.feed_id = f.id
        left join feed_counts c on c.feed_id = f.id
        where f.kind <> 'public'
      )
      select id, format('feed %s counts %s subscribers and %s followed people, and has %s and %s',
        id, subscriber_count, following_count, subscribers, following) as fault
      from counted
      where (subscriber_count, following_count) <> (subscribers, following)`,
    repair: [
      'insert into feed_counts (feed_id) select id from feeds where id = $1 on conflict do nothing',
      // Transactions that change the number wait for this row at their commit, so the next statement misses none.
      'select from feed_counts where feed_id = $1 for update',
      `update feed_counts c
       set subscriber_count = (
             select count(*)
             from subscriptions s
             where s.feed_id = $1 and s.user_id is distinct from (select id from users where feed_id = $1)
           ),
           following_count = (
             select count(*)
             from users u
             join subscriptions s on s.user_id = u.id
             join users followed on followed.feed_id = s.feed_id
             where u.feed_id = $1 and followed.id <> u.id
           )
       where c.feed_id = $1`,
    ],
  },
  {
    name: 'own feeds',
    promise: 'Each person subscribes to their own feed.',
    find: `
      select u.id, format('%s does not subscribe to the own feed', u.username) as fault
      from users u
      where u.deleted_at is null
        and not exists (select from subscriptions s where s.user_id = u.id and s.feed_id = u.feed_id)`,
    repair: [
      `insert into subscriptions (user_id, feed_id)
       select id, feed_id from users where id = $1 on conflict do nothing`,
    ],
  },
  {
    name: 'names',
    promise: 'Each person and group has its name in the table of names.',
    find: `
      select owner.feed_id as id, format('%s is not in the table of names', owner.name) as fault
      from (select feed_id, username as name from users union all select feed_id, name from groups) owner
      where not exists (
        select from names n where n.name = owner.name and n.feed_id = owner.feed_id and n.current
      )`,
    repair: [
      `select take_name(owner.name, owner.feed_id)
       from (select feed_id, username as name from users union all select feed_id, name from groups) owner
       where owner.feed_id = $1`,
    ],
  },
  {
    name: 'pictures',
    promise: 'The picture of each person exists.',
    find: `
      select u.id, format('the picture of %s does not exist', u.username) as fault
      from users u
      where u.avatar is not null and u.deleted_at is null
        and not exists (select from images i where i.hash = u.avatar)`,
    repair: [
      `update users u set avatar = null
       where u.id = $1 and not exists (select from images i where i.hash = u.avatar)`,
    ],
  },
]

-- Counts of followers, members and followed people, so that pages need not count.

-- Once per statement, in the order of feeds: transactions that change the same counts lock them in the same order.
-- A user's subscription to their own feed does not count. Rows of `users` that are already deleted have no count left.
create or replace function tg_subscriptions__count() returns trigger
language plpgsql as $$
declare
  sign integer := case tg_op when 'INSERT' then 1 else -1 end;
begin
  insert into feed_counts (feed_id, subscriber_count, following_count)
  select feed_id, sign * sum(subscribers), sign * sum(following)
  from (
    select s.feed_id, 1 as subscribers, 0 as following
    from changed s
    left join users u on u.id = s.user_id
    where u.feed_id is distinct from s.feed_id
    union all
    select u.feed_id, 0, 1
    from changed s
    join users u on u.id = s.user_id
    join feeds f on f.id = s.feed_id
    where f.kind = 'user' and u.feed_id <> s.feed_id
  ) changes
  where feed_id in (select id from feeds)
  group by feed_id
  order by feed_id
  on conflict (feed_id) do update
    set subscriber_count = feed_counts.subscriber_count + excluded.subscriber_count,
        following_count = feed_counts.following_count + excluded.following_count;
  return null;
end $$;

-- While the feed is still there, `tg_subscriptions__count` knows its kind; the foreign key would delete them after it.
create or replace function tg_feeds__subscriptions() returns trigger
language plpgsql as $$
begin
  delete from subscriptions where feed_id = old.id;
  return old;
end $$;

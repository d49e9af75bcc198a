-- Counts of followers, members and followed people, so that pages need not count.

-- Notes the changes in the outbox, once per statement. A user's subscription to their own feed does not count. Rows of
-- `users` that are already deleted have no count left.
create or replace function tg_subscriptions__count() returns trigger
language plpgsql as $$
declare
  sign integer := case tg_op when 'INSERT' then 1 else -1 end;
begin
  insert into outbox (event, feed_id, payload)
  select
    'count',
    feed_id,
    jsonb_build_object('subscribers', sign * sum(subscribers), 'following', sign * sum(following))
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
  group by feed_id;
  return null;
end $$;

-- Applies the changes of the transaction, at its end and in the order of feeds. So the row of a popular person is locked
-- briefly, and transactions with many follows lock the same rows in the same order, whatever the order of the follows.
create or replace function apply_counts() returns void
language plpgsql as $$
begin
  insert into feed_counts (feed_id, subscriber_count, following_count)
  select o.feed_id, sum((o.payload ->> 'subscribers')::integer), sum((o.payload ->> 'following')::integer)
  from outbox o
  where o.transaction = pg_current_xact_id() and o.event = 'count' and o.feed_id in (select id from feeds)
  group by o.feed_id
  order by o.feed_id
  on conflict (feed_id) do update
    set subscriber_count = feed_counts.subscriber_count + excluded.subscriber_count,
        following_count = feed_counts.following_count + excluded.following_count;
end $$;

-- While the feed is still there, `tg_subscriptions__count` knows its kind; the foreign key would delete them after it.
create or replace function tg_feeds__subscriptions() returns trigger
language plpgsql as $$
begin
  delete from subscriptions where feed_id = old.id;
  return old;
end $$;

-- Up Migration

-- How many people follow a user or are members of a group (their own subscription does not count), and, for a user's
-- feed, how many people that user follows. A table of its own: each follow changes a row of it, and a row of `users`
-- would be locked and copied each time. Half of each page stays free for these updates.
create table feed_counts (
  feed_id bigint primary key references feeds on delete cascade,
  subscriber_count integer not null default 0,
  following_count integer not null default 0
) with (fillfactor = 50);

-- Complete, although sql/60_counts.sql replaces them: writes between this migration and sql/ count too.

create function tg_subscriptions__count() returns trigger
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

create function tg_feeds__subscriptions() returns trigger
language plpgsql as $$
begin
  delete from subscriptions where feed_id = old.id;
  return old;
end $$;

-- These lock out writers of `subscriptions` until the commit, so the counts below miss none of them.
create trigger _300_count_insert after insert on subscriptions
  referencing new table as changed
  for each statement execute function tg_subscriptions__count();
create trigger _300_count_delete after delete on subscriptions
  referencing old table as changed
  for each statement execute function tg_subscriptions__count();
create trigger _100_subscriptions before delete on feeds
  for each row execute function tg_feeds__subscriptions();

insert into feed_counts (feed_id, subscriber_count, following_count)
select
  f.id,
  (select count(*) from subscriptions s where s.feed_id = f.id and s.user_id is distinct from u.id),
  (
    select count(*)
    from subscriptions s
    join users followed on followed.feed_id = s.feed_id
    where s.user_id = u.id and followed.id <> u.id
  )
from feeds f
left join users u on u.feed_id = f.id
where f.kind <> 'public';

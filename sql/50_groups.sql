-- The owners of groups. sql/10_views.sql decides what members may see.

create or replace function owns_group(viewer_id bigint, group_id bigint) returns boolean
language sql stable
return exists (
  select
  from groups g
  join group_owners o on o.feed_id = g.feed_id
  where g.id = owns_group.group_id and o.user_id = viewer_id
);

-- Ids of the newest 100 groups that a user owns, where pages offer more actions. Every request reads them, so their number is
-- bounded; src/groups/my-groups.ts adds others that a page shows.
create or replace function owned_groups(viewer_id bigint) returns jsonb
language sql stable
return (
  select coalesce(jsonb_agg(g.id::text order by g.id), '[]')
  from (
    select feed_id from group_owners where user_id = viewer_id order by feed_id desc limit 100
  ) o
  join groups g on g.feed_id = o.feed_id
);

-- The first user who joins a group without an owner becomes its owner; usually that is the creator.
create or replace function tg_subscriptions__first_owner() returns trigger
language plpgsql as $$
begin
  insert into group_owners (feed_id, user_id)
  select g.feed_id, new.user_id
  from groups g
  where g.feed_id = new.feed_id and not exists (select from group_owners o where o.feed_id = g.feed_id);
  return null;
end $$;

-- The last owner cannot leave, but an account can be deleted. Then the member who joined first becomes the owner.
create or replace function tg_group_owners__heir() returns trigger
language plpgsql as $$
begin
  insert into group_owners (feed_id, user_id)
  select s.feed_id, s.user_id
  from subscriptions s
  join groups g on g.feed_id = s.feed_id
  join users u on u.id = s.user_id
  where s.feed_id = old.feed_id and s.user_id <> old.user_id and u.deleted_at is null
    and not exists (select from group_owners o where o.feed_id = old.feed_id)
  order by s.created_at, s.user_id
  limit 1;
  return null;
end $$;

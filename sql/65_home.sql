-- The posts of the home page, and their places.

-- Returns the `wanted` newest places before the given one. The place of a post is its newest entry in the feeds that the
-- viewer subscribes to; of entries with the same time, that of the feed with the greater id. `reason` and `actor_id` are
-- null if one of these feeds has the post as `posted`. pageEntry() in src/shared/entries.ts computes the same from a card.
--
-- Two ways lead to the same result. The walk reads the newest entries of all feeds and keeps those of the viewer: fast
-- for a viewer of many feeds. The merge reads the newest entries of each of the viewer's feeds: fast for a viewer of
-- few. The walk goes first, and stops when it has cost as much as the merge would, so both together take at most twice
-- the time of the better one. An entry costs the walk a quarter of what a feed costs the merge.
--
-- Stable, so that all statements see the snapshot of the page. Scalar subqueries instead of `exists`, because PostgreSQL
-- would turn `exists` into a join, which reads all subscriptions or all entries first.
create or replace function home_places(viewer bigint, before_at timestamptz, before_id bigint, wanted integer)
returns table (post_id bigint, at timestamptz, reason text, actor_id bigint)
language plpgsql stable rows 11
-- PostgreSQL does not know how few rows are wanted, and would read and sort a large part of the table.
set enable_sort = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  -- Counts at most 1,000 feeds, so the walk reads at most 4,000 entries.
  max_walk bigint := 4 * (select count(*) from (select from subscriptions where user_id = viewer limit 1000) s);
  deleted_users bigint[] := array(select id from users where deleted_at is not null);
  deleted_feeds bigint[] := array(select feed_id from users where deleted_at is not null);
  depth integer := 0; -- 0 for the walk; then the number of entries that the merge reads of each feed
  candidates refcursor;
  candidate record;
  seen bigint[] := '{}';
  is_newest boolean;
  is_posted boolean;
  is_complete boolean;
begin
  loop
    if depth = 0 then
      open candidates no scroll for
        select e.*, false as is_last
        from (
          select *
          from entries
          where (at, post_id) < (before_at, before_id)
          order by at desc, post_id desc, feed_id desc
          limit max_walk
        ) e
        where e.feed_id <> all(deleted_feeds)
          and (select true from subscriptions s where s.user_id = viewer and s.feed_id = e.feed_id)
        order by at desc, post_id desc, feed_id desc;
    else
      open candidates no scroll for
        select e.*, e.n = depth as is_last
        from subscriptions s
        cross join lateral (
          select *, row_number() over (order by at desc, post_id desc) as n
          from entries
          where feed_id = s.feed_id and (at, post_id) < (before_at, before_id)
          order by at desc, post_id desc
          limit depth
        ) e
        where s.user_id = viewer and s.feed_id <> all(deleted_feeds)
        order by at desc, post_id desc, feed_id desc;
    end if;
    is_complete := depth > 0;
    loop
      fetch candidates into candidate;
      exit when not found;
      before_at := candidate.at;
      before_id := candidate.post_id;
      -- The newest candidate of a post decides: the place of the post is here, or on an earlier page.
      if candidate.post_id <> all(seen) then
        seen := seen || candidate.post_id;
        select
          coalesce(bool_and((e.at, e.feed_id) <= (candidate.at, candidate.feed_id)), false),
          coalesce(bool_or(e.reason = 'posted'), false)
        into is_newest, is_posted
        from entries e
        where e.post_id = candidate.post_id and e.feed_id <> all(deleted_feeds)
          and (select true from subscriptions s where s.user_id = viewer and s.feed_id = e.feed_id);
        if is_newest and (select p.author_id from posts p where p.id = candidate.post_id) <> all(deleted_users) then
          post_id := candidate.post_id;
          at := candidate.at;
          reason := case when not is_posted then candidate.reason end;
          actor_id := case when not is_posted then candidate.actor_id end;
          return next;
          wanted := wanted - 1;
        end if;
      end if;
      -- The merge has not read the older entries of this feed, so it must read more before it continues.
      is_complete := is_complete and not candidate.is_last;
      exit when wanted = 0 or candidate.is_last;
    end loop;
    close candidates;
    exit when wanted = 0 or is_complete;
    depth := greatest(depth * 4, 11);
  end loop;
end $$;

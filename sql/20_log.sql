-- The log, in commit order.
--
-- Two advisory locks, class 7230:
--   1  the log: taken last and held until the commit ends, so that the order of seq is the order of commits
--   2  views of users and groups: shared by transactions that build cards, exclusive for those that change what cards
--      show of a user or a group; otherwise a card with the old name could follow the event with the new one

create or replace function lock_views_shared() returns void
language sql
return pg_advisory_xact_lock_shared(7230, 2);

-- Changes of one post are serial, so each payload contains all earlier changes.
create or replace function lock_post(post_id bigint) returns void
language plpgsql as $$
begin
  perform lock_views_shared();
  perform from posts p where p.id = lock_post.post_id for no key update;
end $$;

-- Since 1970.
create or replace function milliseconds(at timestamptz) returns double precision
language sql immutable parallel safe
return extract(epoch from at)::double precision * 1000;

-- Writes one event. Its payload must be complete, because others wait from here until the commit. A notification holds at
-- most 7,999 bytes. A longer one has only the number of the row, which the listener reads. `at` is in milliseconds, for the
-- metrics of instances.
create or replace function append_log(event text, topics text[], payload jsonb) returns void
language plpgsql as $$
declare
  next_seq bigint;
  appended_at timestamptz;
  message text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'KoaFeed requires READ COMMITTED: an older snapshot would log an outdated state'
      using errcode = 'feature_not_supported';
  end if;
  perform pg_advisory_xact_lock(7230, 1);
  next_seq := nextval('log_seq');
  appended_at := clock_timestamp();
  insert into log (seq, at, event, topics, payload) values (next_seq, appended_at, event, topics, payload);
  message := json_build_object(
    'seq', next_seq, 'at', milliseconds(appended_at), 'event', event, 'topics', topics, 'payload', payload
  )::text;
  if octet_length(message) > 7900 then
    message := json_build_object('seq', next_seq)::text;
  end if;
  perform pg_notify('koafeed', message);
end $$;

-- The outbox: triggers record each change here, within the transaction. Only the trigger of the outbox is deferred. At
-- the commit it builds the payloads of all changes, then takes the lock and writes the payloads to the log. So no card
-- is built under the lock. A post's card is built once, however often the transaction changes the post. All events of a
-- transaction show its result.
--
--   topics      of an event that is complete. Null for a change of a post: its events go to the feeds that have the post before
--               or after the change, and to the page of the post.
--   payload     complete, or what the event adds to the card
--   comment_id  the comment that the event shows, if it still exists at the commit
--   user_id     the person that the event shows, or whose rights it changes
--   feed_id     the feed from which the post was removed, or in which it was moved back. Such a change is an event of its own
--               (`withdrawn`) only if the post has no other.
--   moved_at    selects the entries that the change made or moved
--
-- Rows with the event `count` are not events. They are changes of `feed_counts` (sql/60_counts.sql).

-- The trigger fires for each row; the first call takes all rows.
create or replace function tg_outbox__log() returns trigger
language plpgsql as $$
declare
  change record;
begin
  if exists (select from outbox where transaction = pg_current_xact_id()) then
    if exists (select from outbox where transaction = pg_current_xact_id() and event = 'count') then
      perform apply_counts();
    end if;
    for change in select * from take_events() loop
      perform append_log(change.event, change.topics, change.payload);
      if change.event = 'subscription' then
        insert into rights (user_id, seq)
        values (change.user_id, currval('log_seq'))
        on conflict (user_id) do update set seq = excluded.seq;
      end if;
    end loop;
  end if;
  return null;
end $$;

-- Deletes the outbox of the transaction, and returns its events in order. RETURN QUERY builds the last event before the
-- caller gets the first. The settings: see `post_card`. If `is_kept` is false, only the deletion is an event.
create or replace function take_events() returns table (event text, topics text[], payload jsonb, user_id bigint)
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  return query
  with taken as (
    delete from outbox o where o.transaction = pg_current_xact_id() returning o as change
  ),
  changed_posts as (
    select
      (t.change).post_id,
      coalesce(
        array_agg(t.change order by (t.change).n) filter (where (t.change).feed_id is null),
        (array_agg(t.change order by (t.change).n))[1:1]
      ) as changes,
      array_agg(distinct (t.change).feed_id) filter (where (t.change).feed_id is not null) as removed
    from taken t
    where (t.change).post_id is not null
    group by 1
  ),
  -- Materialized, so that the card is built once per post and not once per change.
  cards as materialized (
    select p.post_id, p.changes, p.removed, c.card
    from changed_posts p
    left join lateral (select card from post_cards(array[p.post_id]) where is_kept(p.post_id)) c on true
  )
  select e.event, e.topics, e.payload, e.user_id
  from (
    select
      c.n,
      c.event,
      feeds.topics || ('post:' || p.post_id) as topics,
      c.payload
        || case
          when c.user_id is null then '{}'
          when u.id is null then jsonb_build_object('user', jsonb_build_object('id', c.user_id::text))
          else jsonb_build_object('user', user_view(u))
        end
        || case
          when c.comment_id is null then '{}'
          else jsonb_build_object('comment', comment_view(shown, author))
        end
        || jsonb_build_object(
          'post', coalesce(p.card, jsonb_build_object('id', p.post_id::text)),
          'entries', coalesce(feeds.changed, '[]')
        ) as payload,
      null::bigint as user_id
    from cards p
    cross join unnest(p.changes) with ordinality as c
    left join users u on u.id = c.user_id and u.deleted_at is null
    left join comments shown on shown.id = c.comment_id
    left join users author on author.id = shown.author_id
    cross join lateral event_feeds(
      p.card -> 'entries',
      c.moved_at,
      -- The last event has them. Cascades of a deleted post are recorded after it, and are not events.
      case when p.card is null or c.ordinality = cardinality(p.changes) then p.removed end
    ) feeds
    where case
      when p.card is null then c.event = 'post' and c.payload ->> 'action' = 'deleted'
      else c.comment_id is null or shown.id is not null
    end
    union all
    select (t.change).n, (t.change).event, (t.change).topics, (t.change).payload, (t.change).user_id
    from taken t
    where (t.change).topics is not null
  ) e
  order by e.n;
end $$;

-- The feeds of an event, as topics, and those of its entries that changed, as frames show them. `removed` are the feeds from
-- which the transaction removed the post, or in which it moved it back.
create or replace function event_feeds(entries jsonb, moved_at timestamptz, removed bigint[])
returns table (topics text[], changed jsonb)
language sql stable as $$
  select
    array_agg('feed:' || feed order by feed::bigint),
    jsonb_agg(entry order by feed::bigint) filter (where is_changed)
  from (
    select
      entry ->> 'feed' as feed,
      entry,
      entry ->> 'at' = (select utc(moved_at)) or (entry ->> 'feed')::bigint = any(removed) as is_changed
    from jsonb_array_elements(entries) entry
    union all
    select feed::text, jsonb_build_object('feed', feed::text, 'removed', true), true
    from unnest(removed) feed
    where (entries @> jsonb_build_array(jsonb_build_object('feed', feed::text))) is not true
  ) feeds
$$;

create or replace function tg_posts__outbox() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into outbox (event, payload, post_id, moved_at)
    values ('post', '{"action": "created"}', new.id, new.created_at);
  elsif tg_op = 'UPDATE' then
    insert into outbox (event, payload, post_id) values ('post', '{"action": "edited"}', new.id);
  else
    insert into outbox (event, payload, post_id) values ('post', '{"action": "deleted"}', old.id);
  end if;
  return null;
end $$;

create or replace function tg_comments__outbox() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into outbox (event, payload, post_id, comment_id, moved_at)
    values ('comment', '{"action": "created"}', new.post_id, new.id, new.created_at);
  elsif tg_op = 'UPDATE' then
    insert into outbox (event, payload, post_id, comment_id)
    values ('comment', '{"action": "edited"}', new.post_id, new.id);
  else
    insert into outbox (event, payload, post_id)
    values (
      'comment',
      jsonb_build_object('action', 'deleted', 'comment', jsonb_build_object('id', old.id::text)),
      old.post_id
    );
  end if;
  return null;
end $$;

create or replace function tg_post_likes__outbox() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into outbox (event, payload, post_id, user_id, moved_at)
    values ('like', '{"action": "added"}', new.post_id, new.user_id, new.created_at);
  else
    insert into outbox (event, payload, post_id, user_id)
    values ('like', '{"action": "removed"}', old.post_id, old.user_id);
  end if;
  return null;
end $$;

-- The event has the comment, because the card shows three of many comments, and not always this one.
create or replace function tg_comment_likes__outbox() returns trigger
language plpgsql as $$
declare
  changed comment_likes := case tg_op when 'INSERT' then new else old end;
begin
  insert into outbox (event, payload, post_id, comment_id, user_id)
  select
    'like',
    jsonb_build_object('action', case tg_op when 'INSERT' then 'added' else 'removed' end, 'comment_id', c.id::text),
    c.post_id,
    c.id,
    changed.user_id
  from comments c
  join users author on author.id = c.author_id
  where c.id = changed.comment_id and author.deleted_at is null;
  return null;
end $$;

create or replace function tg_entries__outbox() returns trigger
language plpgsql as $$
begin
  insert into outbox (event, payload, post_id, feed_id)
  values ('post', '{"action": "withdrawn"}', old.post_id, old.feed_id);
  return null;
end $$;

create or replace function tg_users__outbox() returns trigger
language plpgsql as $$
begin
  if old.deleted_at is null and new.deleted_at is not null then
    -- Without topics: the event is for the instances, which must not replay what the account wrote.
    insert into outbox (event, topics, payload)
    values ('account', '{}', jsonb_build_object('action', 'deleted', 'id', new.id::text));
  elsif (new.username, new.name, new.avatar) is distinct from (old.username, old.name, old.avatar) then
    insert into outbox (event, topics, payload) values ('user', array['all'], user_view(new));
  end if;
  return null;
end $$;

-- Without topics: the event is for the instances, whose cached cards show the group.
create or replace function tg_groups__outbox() returns trigger
language plpgsql as $$
begin
  insert into outbox (event, topics, payload) values ('group', '{}', group_view(new));
  return null;
end $$;

-- Changes of rights are in the log too. The hub acts on these rows; clients never receive them.

create or replace function tg_subscriptions__outbox() returns trigger
language plpgsql as $$
declare
  changed subscriptions := case tg_op when 'INSERT' then new else old end;
begin
  insert into outbox (event, topics, payload, user_id)
  select
    'subscription',
    array['user:' || u.id],
    jsonb_build_object(
      'action', case tg_op when 'INSERT' then 'made' else 'ended' end,
      'feed', changed.feed_id::text
    ),
    u.id
  from users u
  where u.id = changed.user_id
    and u.feed_id <> changed.feed_id -- one's own comes and goes with the account
    -- The sessions of a deleted account have ended, and its followers get the deletion of each of its posts. A change of
    -- their rights would make all of them load their pages again.
    and u.deleted_at is null
    and not exists (select from users o where o.feed_id = changed.feed_id and o.deleted_at is not null);
  return null;
end $$;

-- Without topics: the event is for the instances, whose cached sessions hold the groups that a user owns.
create or replace function tg_group_owners__outbox() returns trigger
language plpgsql as $$
declare
  changed group_owners := case tg_op when 'INSERT' then new else old end;
begin
  insert into outbox (event, topics, payload)
  select
    'ownership',
    '{}',
    jsonb_build_object(
      'action', case tg_op when 'INSERT' then 'made' else 'ended' end,
      'feed', changed.feed_id::text,
      'user', changed.user_id::text
    )
  from users u
  where u.id = changed.user_id and u.deleted_at is null;
  return null;
end $$;

-- A session ends with its row, or when its expiry is moved into the past.
create or replace function tg_sessions__outbox() returns trigger
language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if new.expires_at >= old.expires_at or new.expires_at > clock_timestamp() then
      return null;
    end if;
  end if;
  insert into outbox (event, topics, payload)
  values (
    'session',
    array['user:' || old.user_id],
    jsonb_build_object('action', 'ended', 'session', encode(old.id_hash, 'hex'))
  );
  return null;
end $$;

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

-- Only deferred triggers call this, with a complete payload, so that a transaction waits for nothing after it has the lock.
-- A notification holds at most 7,999 bytes. A longer one has only the number of the row, which the listener reads.
create or replace function append_log(event text, topics text[], payload jsonb) returns void
language plpgsql as $$
declare
  next_seq bigint;
  message text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'KoaFeed requires READ COMMITTED: an older snapshot would log an outdated state'
      using errcode = 'feature_not_supported';
  end if;
  perform pg_advisory_xact_lock(7230, 1);
  next_seq := nextval('log_seq');
  insert into log (seq, event, topics, payload) values (next_seq, event, topics, payload);
  message := json_build_object('seq', next_seq, 'event', event, 'topics', topics, 'payload', payload)::text;
  if octet_length(message) > 7900 then
    message := json_build_object('seq', next_seq)::text;
  end if;
  perform pg_notify('koafeed', message);
end $$;

-- The entries of the post that this transaction removed or moved back, as frames show them. Deletes their rows in
-- `fallen_entries`.
create or replace function take_removed_entries(post bigint) returns jsonb
language sql as $$
  with taken as (
    delete from fallen_entries f where f.post_id = post returning f.feed_id
  )
  select coalesce(
    jsonb_agg(
      case
        when e.post_id is null then jsonb_build_object('feed', t.feed_id::text, 'removed', true)
        else entry_view(e)
      end
      order by t.feed_id
    ),
    '[]'
  )
  from taken t
  left join entries e on e.feed_id = t.feed_id and e.post_id = post
$$;

-- Logs a change of a post, its comments or its likes. Its topics are the feeds that have the post before or after the
-- change, and the page of the post. `details` is what the event adds to the card. `moved_at` selects the entries that the
-- change made or moved. A post that is not kept has only one more event, its deletion.
create or replace function log_post_change(post bigint, event text, details jsonb, moved_at timestamptz) returns void
language plpgsql as $$
declare
  card jsonb;
  changed jsonb;
begin
  if not is_kept(post) then
    return;
  end if;
  select post_card(p) into card from posts p where p.id = post;
  changed := take_removed_entries(post);
  select changed || coalesce(jsonb_agg(entry_view(e) order by e.feed_id), '[]') into changed
  from entries e
  where e.post_id = post and e.at = moved_at
    and not changed @> jsonb_build_array(jsonb_build_object('feed', e.feed_id::text));
  perform append_log(
    event,
    (
      select array_agg('feed:' || feed order by feed::bigint)
      from (
        select value ->> 'feed' as feed from jsonb_array_elements(card -> 'entries')
        union
        select value ->> 'feed' from jsonb_array_elements(changed)
      ) feeds
    ) || ('post:' || post),
    details || jsonb_build_object('post', card, 'entries', changed)
  );
end $$;

create or replace function tg_posts__log() returns trigger
language plpgsql as $$
declare
  ended jsonb;
begin
  if tg_op = 'INSERT' then
    perform log_post_change(new.id, 'post', '{"action": "created"}', new.created_at);
  elsif tg_op = 'UPDATE' then
    if new.body is distinct from old.body then
      perform log_post_change(new.id, 'post', '{"action": "edited"}', null);
    end if;
  else
    ended := take_removed_entries(old.id);
    perform append_log(
      'post',
      (select array_agg('feed:' || (value ->> 'feed')) from jsonb_array_elements(ended)) || ('post:' || old.id),
      jsonb_build_object('action', 'deleted', 'post', jsonb_build_object('id', old.id::text), 'entries', ended)
    );
  end if;
  return null;
end $$;

create or replace function tg_comments__log() returns trigger
language plpgsql as $$
declare
  shown jsonb;
begin
  if tg_op = 'DELETE' then
    perform log_post_change(
      old.post_id,
      'comment',
      jsonb_build_object('action', 'deleted', 'comment', jsonb_build_object('id', old.id::text)),
      null
    );
    return null;
  end if;
  if tg_op = 'UPDATE' and new.body is not distinct from old.body then
    return null;
  end if;
  select comment_view(c) into shown from comments c where c.id = new.id;
  if not found then
    return null; -- made and deleted in one transaction
  end if;
  perform log_post_change(
    new.post_id,
    'comment',
    jsonb_build_object('action', case tg_op when 'INSERT' then 'created' else 'edited' end, 'comment', shown),
    case tg_op when 'INSERT' then new.created_at end
  );
  return null;
end $$;

-- The user of a like event; only the id if the account is deleted.
create or replace function liker_view(liker bigint) returns jsonb
language sql stable
return coalesce(
  (select user_view(u) from users u where u.id = liker and u.deleted_at is null),
  jsonb_build_object('id', liker::text)
);

create or replace function tg_post_likes__log() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    perform log_post_change(
      new.post_id,
      'like',
      jsonb_build_object('action', 'added', 'user', liker_view(new.user_id)),
      new.created_at
    );
  elsif is_kept(old.post_id) then
    perform log_post_change(
      old.post_id,
      'like',
      jsonb_build_object('action', 'removed', 'user', liker_view(old.user_id)),
      null
    );
  end if;
  return null;
end $$;

create or replace function tg_comment_likes__log() returns trigger
language plpgsql as $$
declare
  changed comment_likes := case tg_op when 'INSERT' then new else old end;
begin
  perform log_post_change(
    c.post_id,
    'like',
    jsonb_build_object(
      'action', case tg_op when 'INSERT' then 'added' else 'removed' end,
      'user', liker_view(changed.user_id),
      'comment_id', c.id::text,
      'comment', comment_view(c) -- the card shows three of many comments, and not always this one
    ),
    null
  )
  from comments c
  join users author on author.id = c.author_id
  where c.id = changed.comment_id and author.deleted_at is null and is_kept(c.post_id);
  return null;
end $$;

-- An entry was removed, and no event of a like, comment or post says so: the post was withdrawn from that feed.
create or replace function tg_fallen_entries__log() returns trigger
language plpgsql as $$
begin
  perform log_post_change(f.post_id, 'post', '{"action": "withdrawn"}', null)
  from fallen_entries f
  where f.post_id = new.post_id and f.feed_id = new.feed_id;
  return null;
end $$;

create or replace function tg_users__log() returns trigger
language plpgsql as $$
begin
  if old.deleted_at is null and new.deleted_at is not null then
    -- Without topics: the event is for the instances, which must not replay what the account wrote.
    perform append_log('account', '{}', jsonb_build_object('action', 'deleted', 'id', new.id::text));
  elsif (new.username, new.name, new.avatar) is distinct from (old.username, old.name, old.avatar) then
    perform append_log('user', array['all'], user_view(u)) from users u where u.id = new.id;
  end if;
  return null;
end $$;

-- Without topics: the event is for the instances, whose cached cards show the group.
create or replace function tg_groups__log() returns trigger
language plpgsql as $$
begin
  if (new.name, new.title) is distinct from (old.name, old.title) then
    perform append_log('group', '{}', group_view(g)) from groups g where g.id = new.id;
  end if;
  return null;
end $$;

-- Changes of rights are in the log too. The hub acts on these rows; clients never receive them.

create or replace function tg_subscriptions__log() returns trigger
language plpgsql as $$
declare
  changed subscriptions := case tg_op when 'INSERT' then new else old end;
begin
  perform append_log(
    'subscription',
    array['user:' || u.id],
    jsonb_build_object(
      'action', case tg_op when 'INSERT' then 'made' else 'ended' end,
      'feed', changed.feed_id::text
    )
  )
  from users u
  where u.id = changed.user_id
    and u.feed_id <> changed.feed_id -- one's own comes and goes with the account
    -- The sessions of a deleted account have ended, and its followers get the deletion of each of its posts. A change of
    -- their rights would make all of them load their pages again.
    and u.deleted_at is null
    and not exists (select from users o where o.feed_id = changed.feed_id and o.deleted_at is not null);
  if found then
    insert into rights (user_id, seq)
    values (changed.user_id, currval('log_seq'))
    on conflict (user_id) do update set seq = excluded.seq;
  end if;
  return null;
end $$;

-- Without topics: the event is for the instances, whose cached sessions hold the groups that a user owns.
create or replace function tg_group_owners__log() returns trigger
language plpgsql as $$
declare
  changed group_owners := case tg_op when 'INSERT' then new else old end;
begin
  perform append_log(
    'ownership',
    '{}',
    jsonb_build_object(
      'action', case tg_op when 'INSERT' then 'made' else 'ended' end,
      'feed', changed.feed_id::text,
      'user', changed.user_id::text
    )
  )
  from users u
  where u.id = changed.user_id and u.deleted_at is null;
  return null;
end $$;

-- A session ends with its row, or when its expiry is moved into the past.
create or replace function tg_sessions__log() returns trigger
language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if new.expires_at >= old.expires_at or new.expires_at > clock_timestamp() then
      return null;
    end if;
  end if;
  perform append_log(
    'session',
    array['user:' || old.user_id],
    jsonb_build_object('action', 'ended', 'session', encode(old.id_hash, 'hex'))
  );
  return null;
end $$;

-- Users and groups. Each has a feed and a name; a name is unique among both.

create or replace function take_name(wanted text, owner_feed bigint) returns void
language plpgsql as $$
begin
  update names set current = false where feed_id = owner_feed and current and name <> wanted;
  insert into names (name, feed_id)
  values (wanted, owner_feed)
  on conflict (name) do update
    set feed_id = excluded.feed_id, current = true
    where not names.current;
  if not found then
    raise unique_violation using
      message = format('the name %s is taken', wanted),
      constraint = 'names_pkey',
      table = 'names';
  end if;
end $$;

create or replace function tg_users__defaults() returns trigger
language plpgsql as $$
begin
  -- In the C locale only ASCII changes case. Other locales make k of U+212A KELVIN SIGN, before the table's check.
  new.username := lower(new.username collate "C");
  new.name := coalesce(nullif(new.name, ''), new.username);
  if new.feed_id is null then
    insert into feeds (kind) values ('user') returning id into new.feed_id;
  end if;
  return new;
end $$;

create or replace function tg_users__name() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' or new.username <> old.username then
    perform take_name(new.username, new.feed_id);
  end if;
  return null;
end $$;

create or replace function tg_users__own_feed() returns trigger
language plpgsql as $$
begin
  insert into subscriptions (user_id, feed_id) values (new.id, new.feed_id);
  return null;
end $$;

create or replace function tg_users__feed_end() returns trigger
language plpgsql as $$
begin
  delete from feeds where id = old.feed_id;
  return null;
end $$;

-- Waits until no transaction is building a card (sql/20_log.sql). The lock is taken before the statement locks a row,
-- because a transaction that builds a card may wait for that row. A statement trigger cannot see whether a value
-- changes: an UPDATE that names `username`, `name`, `avatar` or `deleted_at` takes the lock in any case. Groups use it too.
create or replace function tg_users__views_lock() returns trigger
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(7230, 2);
  return null;
end $$;

-- Deletes those of the pictures that no user has; returns the number of deleted rows. The rows are locked first, in the
-- order in which an upload locks them (src/pictures/pictures.ts); the second statement then sees the users that took one
-- of the pictures meanwhile.
create or replace function delete_unused_pictures(hashes text[]) returns integer
language plpgsql as $$
declare
  deleted integer;
begin
  perform from images where hash = any(hashes) order by hash, variant for update;
  delete from images i
  where i.hash = any(hashes)
    and not exists (select from users u where u.avatar = i.hash and u.deleted_at is null);
  get diagnostics deleted = row_count;
  return deleted;
end $$;

-- A new hash is a new password, also one that psql sets, unless rehash_password() wrote it.
create or replace function tg_users__password_version() returns trigger
language plpgsql as $$
begin
  if coalesce(current_setting('koafeed.same_password', true), '') <> 'on' then
    new.password_version := old.password_version + 1;
  end if;
  return new;
end $$;

-- Stores another hash of the same password. Does nothing if the verified hash is no longer the stored one. The setting
-- lasts as long as the call.
create or replace function rehash_password(user_id bigint, verified_hash text, new_hash text) returns void
language sql
set koafeed.same_password = 'on'
as $$
  update users u
  set password_hash = new_hash
  where u.id = user_id and u.password_hash = verified_hash
$$;

create or replace function tg_groups__defaults() returns trigger
language plpgsql as $$
begin
  new.name := lower(new.name collate "C");
  if new.feed_id is null then
    insert into feeds (kind) values ('group') returning id into new.feed_id;
  end if;
  return new;
end $$;

create or replace function tg_groups__name() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' or new.name <> old.name then
    perform take_name(new.name, new.feed_id);
  end if;
  return null;
end $$;

create or replace function tg_groups__feed_end() returns trigger
language plpgsql as $$
begin
  delete from feeds where id = old.feed_id;
  return null;
end $$;

create or replace function tg_groups__fixed() returns trigger
language plpgsql as $$
begin
  if new.visibility <> old.visibility then
    raise exception 'a group''s visibility never changes' using errcode = 'check_violation';
  end if;
  return new;
end $$;

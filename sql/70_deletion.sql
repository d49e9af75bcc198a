-- Deleting an account. An UPDATE that sets `users.deleted_at` deletes it for everybody: its sessions end, nobody sees it
-- and nothing can be added to it. Its rows are deleted afterwards, a chunk per transaction (`delete_account_chunk`), so
-- that no transaction is long however much there is. The username stays taken until the row of the user is deleted.

-- Rows that one transaction deletes.
create or replace function max_deleted_rows() returns integer
language sql immutable
return 500;

-- Rows that one transaction deletes if each of them is an event. Their posts are locked while their cards are built.
create or replace function max_deleted_events() returns integer
language sql immutable
return 25;

create or replace function tg_users__deleted() returns trigger
language plpgsql as $$
begin
  delete from sessions where user_id = new.id;
  return null;
end $$;

-- The same error as for an account that does not exist.
create or replace function refuse_deleted(accounts bigint[]) returns void
language plpgsql as $$
begin
  if exists (select from users where id = any(accounts) and deleted_at is not null) then
    raise exception 'the account is deleted' using errcode = 'foreign_key_violation';
  end if;
end $$;

-- The row of the user is locked: a session that is inserted while the account is being deleted or suspended is either
-- found by the trigger of that change, or refused here.
create or replace function tg_sessions__account() returns trigger
language plpgsql as $$
begin
  perform from users where id = new.user_id for share;
  perform refuse_deleted(array[new.user_id]);
  if exists (select from users where id = new.user_id and suspended_at is not null) then
    raise exception 'the account is suspended' using errcode = 'foreign_key_violation';
  end if;
  return new;
end $$;

create or replace function tg_subscriptions__account() returns trigger
language plpgsql as $$
begin
  perform refuse_deleted(array[new.user_id, (select id from users where feed_id = new.feed_id)]);
  return new;
end $$;

create or replace function tg_group_requests__account() returns trigger
language plpgsql as $$
begin
  perform refuse_deleted(array[new.user_id]);
  return new;
end $$;

-- Private groups that the account is in and that nobody else can enter any more.
create or replace function abandoned_groups(account bigint) returns setof bigint
language sql stable as $$
  select g.id
  from subscriptions mine
  join groups g on g.feed_id = mine.feed_id
  where mine.user_id = account and g.visibility = 'private'
    and not exists (
      select
      from subscriptions s
      join users u on u.id = s.user_id
      where s.feed_id = g.feed_id and u.id <> account and u.deleted_at is null
    )
$$;

-- False for a post that is deleted, and for one that will be, with its author's account or with an abandoned group. The
-- triggers of its comments and likes then do nothing: nobody sees it, and its deletion is the only event left.
create or replace function is_kept(post bigint) returns boolean
language plpgsql stable as $$
begin
  return exists (
    select
    from posts p
    join users author on author.id = p.author_id
    where p.id = post and author.deleted_at is null
      and (
        p.group_id is null
        or exists (
          select
          from groups g
          join subscriptions s on s.feed_id = g.feed_id
          join users u on u.id = s.user_id
          where g.id = p.group_id and (g.visibility = 'public' or u.deleted_at is null)
        )
        or not exists (
          select from groups g join subscriptions s on s.feed_id = g.feed_id where g.id = p.group_id
        )
      )
  );
end $$;

-- Posts are locked before their comments and likes, in the order of ids: the order of all writes on the site.
create or replace function lock_posts(ids bigint[]) returns void
language plpgsql as $$
begin
  perform from posts where id = any(ids) order by id for no key update;
end $$;

-- Deletes likes of these comments; once there are none left, the comments. Returns the number of deleted rows.
create or replace function delete_comments(ids bigint[]) returns integer
language plpgsql as $$
declare
  deleted integer;
begin
  perform lock_posts(array(select distinct post_id from comments where id = any(ids)));
  delete from comment_likes
  where (comment_id, user_id) in (
    select comment_id, user_id from comment_likes where comment_id = any(ids) limit max_deleted_rows()
  );
  get diagnostics deleted = row_count;
  if deleted = 0 then
    delete from comments where id = any(ids);
    get diagnostics deleted = row_count;
  end if;
  return deleted;
end $$;

-- Deletes comments and likes of these posts; once there are none left, posts. Returns the number of deleted rows.
create or replace function delete_posts(ids bigint[]) returns integer
language plpgsql as $$
declare
  comment_ids bigint[];
  deleted integer;
begin
  perform lock_posts(ids);
  comment_ids := array(select id from comments where post_id = any(ids) limit max_deleted_rows());
  if cardinality(comment_ids) > 0 then
    return delete_comments(comment_ids);
  end if;
  delete from post_likes
  where (post_id, user_id) in (
    select post_id, user_id from post_likes where post_id = any(ids) limit max_deleted_rows()
  );
  get diagnostics deleted = row_count;
  if deleted > 0 then
    return deleted;
  end if;
  delete from posts
  where id in (
    select id
    from (
      select p.id, sum(1 + (select count(*) from entries e where e.post_id = p.id)) over (order by p.id) as deleted_rows
      from posts p
      where p.id = any(ids)
    ) counted
    where deleted_rows <= max_deleted_rows()
  );
  get diagnostics deleted = row_count;
  return deleted;
end $$;

-- Deletes likes and comments of the account on posts of others. Each row is an event. Returns the number of deleted rows.
create or replace function delete_reactions(account bigint) returns integer
language plpgsql as $$
declare
  ids bigint[];
  deleted integer;
begin
  ids := array(select post_id from post_likes where user_id = account limit max_deleted_events());
  perform lock_posts(ids);
  delete from post_likes where user_id = account and post_id = any(ids);
  get diagnostics deleted = row_count;
  if deleted > 0 then
    return deleted;
  end if;
  ids := array(select comment_id from comment_likes where user_id = account limit max_deleted_events());
  perform lock_posts(array(select distinct post_id from comments where id = any(ids)));
  delete from comment_likes where user_id = account and comment_id = any(ids);
  get diagnostics deleted = row_count;
  if deleted > 0 then
    return deleted;
  end if;
  return delete_comments(array(select id from comments where author_id = account limit max_deleted_events()));
end $$;

-- Deletes subscriptions without an event (`tg_subscriptions__outbox`), because followers would load every page again.
-- Returns the number of deleted rows.
create or replace function delete_subscriptions(account users) returns integer
language plpgsql as $$
declare
  deleted integer;
begin
  delete from subscriptions
  where feed_id = account.feed_id
    and user_id in (
      select user_id
      from subscriptions
      where feed_id = account.feed_id and user_id <> account.id
      limit max_deleted_rows()
    );
  get diagnostics deleted = row_count;
  if deleted > 0 then
    return deleted;
  end if;
  delete from subscriptions
  where user_id = account.id
    and feed_id in (
      select feed_id
      from subscriptions
      where user_id = account.id and feed_id <> account.feed_id
      limit max_deleted_rows()
    );
  get diagnostics deleted = row_count;
  return deleted;
end $$;

-- Deletes reports of the account and of its content, and removes its name from reports that it made: others may need
-- their answer. Returns the number of changed rows.
create or replace function delete_reports(account bigint) returns integer
language plpgsql as $$
declare
  changed integer;
begin
  delete from reports where id in (select id from reports where author_id = account limit max_deleted_rows());
  get diagnostics changed = row_count;
  if changed = 0 then
    update reports
    set reporter_id = null
    where id in (select id from reports where reporter_id = account limit max_deleted_rows());
    get diagnostics changed = row_count;
  end if;
  return changed;
end $$;

-- Deletes some rows of a deleted account; false if there is none, or other transactions are at work on each of them.
-- The order is random, so that an account with a row that somebody keeps locked does not stop the others.
create or replace function delete_account_chunk() returns boolean
language plpgsql as $$
declare
  account users;
begin
  select * into account
  from users
  where deleted_at is not null
  order by random()
  limit 1
  for no key update skip locked;
  if not found then
    return false;
  end if;
  if delete_reports(account.id) > 0
    or delete_reactions(account.id) > 0
    or delete_posts(array(select id from posts where author_id = account.id limit max_deleted_events())) > 0
    or delete_posts(array(
      select p.id
      from posts p
      where p.group_id in (select abandoned_groups(account.id))
      limit max_deleted_events()
    )) > 0
  then
    return true;
  end if;
  delete from groups where id in (select abandoned_groups(account.id) limit max_deleted_events());
  if found or delete_subscriptions(account) > 0 or delete_unused_pictures(array[account.avatar]) > 0 then
    return true;
  end if;
  delete from users where id = account.id;
  return true;
end $$;

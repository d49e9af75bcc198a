-- Which posts are in which feeds. A lesser reason never replaces a greater one: posted > commented > liked.

-- A post with this many entries gets no more: it is in enough feeds to be seen.
create or replace function max_entries() returns integer
language sql immutable
return 64;

-- The feed of a person to which a comment or like adds the post; none if the post has enough entries. A post of a private
-- group never leaves the feed of the group.
create or replace function feed_to_add(post bigint, person bigint) returns table (feed_id bigint)
language sql stable as $$
  select u.feed_id
  from users u
  where u.id = person
    and not exists (
      select
      from posts p
      join groups g on g.id = p.group_id
      where p.id = post and g.visibility = 'private'
    )
    and (select count(*) from entries e where e.post_id = post) < max_entries()
$$;

-- Locks the post for a comment or a like by the account. Throws if the account or the author of the post is deleted.
-- Neither can be deleted before the commit, because a deletion takes the lock of views.
create or replace function lock_post_for(account bigint, post bigint) returns void
language plpgsql as $$
declare
  is_refused boolean;
begin
  perform pg_advisory_xact_lock_shared(7230, 2);
  select exists (select from users u where u.id in (account, p.author_id) and u.deleted_at is not null)
  into is_refused
  from posts p
  where p.id = post
  for no key update of p;
  if is_refused then
    perform refuse_deleted(array[account, (select author_id from posts where id = post)]);
  end if;
end $$;

create or replace function tg_posts__before() returns trigger
language plpgsql as $$
begin
  perform lock_views_shared();
  if tg_op = 'INSERT' then
    perform refuse_deleted(array[new.author_id]);
  end if;
  if tg_op = 'UPDATE' and new.body is distinct from old.body then
    new.edited_at := clock_timestamp();
  end if;
  return new;
end $$;

create or replace function tg_posts__entries() returns trigger
language plpgsql as $$
begin
  insert into entries (feed_id, post_id, at, reason, actor_id)
  select f.feed_id, new.id, new.created_at, 'posted', new.author_id
  from (
    select feed_id from users where id = new.author_id and new.group_id is null
    union all
    select feed_id from groups where id = new.group_id
    union all
    select id
    from feeds
    where kind = 'public'
      and not exists (select from groups g where g.id = new.group_id and g.visibility = 'private')
  ) f;
  return null;
end $$;

-- The time is set after the post is locked, so that times grow in commit order. An importer may set its own.
create or replace function tg_comments__before() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    perform lock_post(old.post_id);
    return old;
  end if;
  if tg_op = 'INSERT' then
    perform lock_post_for(new.author_id, new.post_id);
    new.created_at := coalesce(new.created_at, clock_timestamp());
    return new;
  end if;
  perform lock_post(new.post_id);
  if new.body is distinct from old.body then
    new.edited_at := clock_timestamp();
  end if;
  return new;
end $$;

create or replace function tg_comments__count() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update posts set comment_count = comment_count + 1 where id = new.post_id;
  elsif is_kept(old.post_id) then
    update posts set comment_count = comment_count - 1 where id = old.post_id;
  end if;
  return null;
end $$;

-- A comment moves every `posted` entry to now, and adds the post to the commenter's feed.
create or replace function tg_comments__entries() returns trigger
language plpgsql as $$
declare
  commenter_feed bigint;
begin
  if tg_op = 'DELETE' then
    if is_kept(old.post_id) then
      perform recompute_entry(old.post_id, old.author_id);
    end if;
    return null;
  end if;
  update entries
  set at = new.created_at
  where post_id = new.post_id and reason = 'posted' and at < new.created_at;
  select feed_id into commenter_feed from users where id = new.author_id;
  update entries
  set at = greatest(at, new.created_at), reason = 'commented', actor_id = new.author_id
  where post_id = new.post_id and feed_id = commenter_feed and reason <> 'posted';
  if not found then
    insert into entries (feed_id, post_id, at, reason, actor_id)
    select feed_id, new.post_id, new.created_at, 'commented', new.author_id
    from feed_to_add(new.post_id, new.author_id)
    on conflict do nothing;
  end if;
  return null;
end $$;

create or replace function tg_post_likes__before() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    perform lock_post(old.post_id);
    return old;
  end if;
  perform lock_post_for(new.user_id, new.post_id);
  new.created_at := coalesce(new.created_at, clock_timestamp());
  return new;
end $$;

create or replace function tg_post_likes__count() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update posts set like_count = like_count + 1 where id = new.post_id;
  elsif is_kept(old.post_id) then
    update posts set like_count = like_count - 1 where id = old.post_id;
  end if;
  return null;
end $$;

-- A like adds the post to the liker's feed, and never moves an entry.
create or replace function tg_post_likes__entries() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    if is_kept(old.post_id) then
      perform recompute_entry(old.post_id, old.user_id);
    end if;
  else
    insert into entries (feed_id, post_id, at, reason, actor_id)
    select feed_id, new.post_id, new.created_at, 'liked', new.user_id
    from feed_to_add(new.post_id, new.user_id)
    on conflict do nothing;
  end if;
  return null;
end $$;

-- After an unlike or a deleted comment, the person's entry gets the reason and time of their newest comment, else of their
-- like. If there is neither, the entry is removed.
create or replace function recompute_entry(post bigint, person bigint) returns void
language plpgsql as $$
declare
  own_feed bigint;
  left_reason text;
  left_at timestamptz;
begin
  select feed_id into own_feed from users where id = person;
  select reason, created_at into left_reason, left_at
  from (
    (
      select 1 as rank, 'commented' as reason, created_at
      from comments
      where post_id = post and author_id = person
      order by created_at desc
      limit 1
    )
    union all
    select 2, 'liked', created_at
    from post_likes
    where post_id = post and user_id = person
  ) reasons
  order by rank
  limit 1;
  if found then
    update entries
    set at = left_at, reason = left_reason
    where feed_id = own_feed and post_id = post and reason <> 'posted'
      and (at, reason) is distinct from (left_at, left_reason);
  else
    delete from entries where feed_id = own_feed and post_id = post and reason <> 'posted';
  end if;
end $$;

create or replace function tg_comment_likes__before() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    perform lock_post(c.post_id) from comments c where c.id = old.comment_id;
    return old;
  end if;
  perform lock_post(c.post_id) from comments c where c.id = new.comment_id;
  perform refuse_deleted(array[new.user_id, c.author_id, p.author_id])
  from comments c
  join posts p on p.id = c.post_id
  where c.id = new.comment_id;
  new.created_at := coalesce(new.created_at, clock_timestamp());
  return new;
end $$;

create or replace function tg_comment_likes__count() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update comments set like_count = like_count + 1 where id = new.comment_id;
  else
    update comments c
    set like_count = like_count - 1
    where c.id = old.comment_id and is_kept(c.post_id)
      and not exists (select from users author where author.id = c.author_id and author.deleted_at is not null);
  end if;
  return null;
end $$;

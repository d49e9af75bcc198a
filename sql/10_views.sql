-- The JSON that pages and frames show. src/shared/views.ts has the same shapes as types.

-- ISO 8601 in UTC with microseconds, so that times sort as text.
create or replace function utc(at timestamptz) returns text
language sql stable
return to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

create or replace function user_view(u users) returns jsonb
language sql stable
return jsonb_build_object('id', u.id::text, 'username', u.username, 'name', u.name, 'avatar', u.avatar);

create or replace function group_view(g groups) returns jsonb
language sql stable
return jsonb_build_object('id', g.id::text, 'name', g.name, 'title', g.title, 'visibility', g.visibility);

create or replace function comment_view(c comments, author users) returns jsonb
language sql stable
return jsonb_build_object(
  'id', c.id::text,
  'author', user_view(author),
  'body', c.body,
  'created_at', utc(c.created_at),
  'edited_at', utc(c.edited_at),
  'like_count', c.like_count
);

create or replace function comment_view(c comments) returns jsonb
language sql stable
return (select comment_view(c, author) from users author where author.id = c.author_id);

create or replace function entry_view(e entries, actor users) returns jsonb
language sql stable
return jsonb_build_object('feed', e.feed_id::text, 'at', utc(e.at), 'reason', e.reason, 'actor', user_view(actor));

-- One flat statement, because PostgreSQL inlines only functions without subqueries: one function per part of the card took
-- 2.2 times as long. Shows all comments if there are at most five, otherwise the first and the last two. Comments and
-- likes of deleted accounts are left out.
create or replace function post_cards(ids bigint[]) returns table (id bigint, card jsonb)
language sql stable as $$
  select p.id, jsonb_build_object(
    'id', p.id::text,
    'author', (select user_view(u) from users u where u.id = p.author_id),
    'group', (select group_view(g) from groups g where g.id = p.group_id),
    'body', p.body,
    'created_at', utc(p.created_at),
    'edited_at', utc(p.edited_at),
    'like_count', p.like_count,
    'likers', (
      select coalesce(jsonb_agg(user_view(u) order by l.created_at desc, l.user_id desc), '[]')
      from (
        select user_id, created_at
        from post_likes
        where post_id = p.id
        order by created_at desc, user_id desc
        limit 4
      ) l
      join users u on u.id = l.user_id and u.deleted_at is null
    ),
    'comment_count', p.comment_count,
    'comments', (
      select coalesce(jsonb_agg(comment_view(c, author) order by c.id), '[]')
      from (
        (select * from comments where post_id = p.id order by id limit case when p.comment_count > 5 then 1 else 5 end)
        union all
        (select * from comments where post_id = p.id and p.comment_count > 5 order by id desc limit 2)
      ) c
      join users author on author.id = c.author_id and author.deleted_at is null
    ),
    'entries', (
      select coalesce(jsonb_agg(entry_view(e, actor) order by e.at desc, e.feed_id desc), '[]')
      from entries e
      join users actor on actor.id = e.actor_id
      where e.post_id = p.id
    )
  )
  from posts p
  where p.id = any(ids)
$$;

-- PL/pgSQL keeps the plan. The settings choose the plan that is right at every size: look-ups by index. While `users` is
-- small, the planner prefers to read all of it for each card.
create or replace function post_card(p posts) returns jsonb
language plpgsql stable
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  return (select card from post_cards(array[p.id]));
end $$;

create or replace function may_see_group(viewer_id bigint, g groups) returns boolean
language sql stable
return g.visibility = 'public' or exists (
  select from subscriptions s where s.user_id = viewer_id and s.feed_id = g.feed_id
);

-- Decides who may see a post; every query that shows posts uses it. viewer_id is null for an anonymous visitor.
create or replace function may_see_post(viewer_id bigint, p posts) returns boolean
language sql stable
return (
  p.group_id is null or exists (select from groups g where g.id = p.group_id and may_see_group(viewer_id, g))
) and not exists (
  select from users author where author.id = p.author_id and author.deleted_at is not null
);

-- Rows of the log never change, but a replay must not show text that has been deleted or edited since, nor anything of a
-- deleted account. `seq`, topics and entries stay as they were.

create or replace function is_account(id text) returns boolean
language sql stable
return exists (select from users u where u.id = is_account.id::bigint and u.deleted_at is null);

create or replace function replay_comments(comments jsonb) returns jsonb
language sql stable
return (
  select coalesce(
    jsonb_agg(
      shown.comment || jsonb_build_object('body', c.body, 'edited_at', utc(c.edited_at))
      order by shown.position
    ),
    '[]'
  )
  from jsonb_array_elements(comments) with ordinality as shown (comment, position)
  join comments c on c.id = (shown.comment ->> 'id')::bigint
  where is_account(c.author_id::text)
);

create or replace function replay_likers(likers jsonb) returns jsonb
language sql stable
return (
  select coalesce(jsonb_agg(shown.liker order by shown.position), '[]')
  from jsonb_array_elements(likers) with ordinality as shown (liker, position)
  where is_account(shown.liker ->> 'id')
);

-- An entry ends with the account of its actor.
create or replace function replay_entries(entries jsonb) returns jsonb
language sql stable
return (
  select coalesce(
    jsonb_agg(
      case
        when shown.entry ? 'actor' and not is_account(shown.entry -> 'actor' ->> 'id') then
          jsonb_build_object('feed', shown.entry -> 'feed', 'removed', true)
        else shown.entry
      end
      order by shown.position
    ),
    '[]'
  )
  from jsonb_array_elements(entries) with ordinality as shown (entry, position)
);

create or replace function replay_card(card jsonb, p posts) returns jsonb
language sql stable
return card || jsonb_build_object(
  'body', p.body,
  'edited_at', utc(p.edited_at),
  'comments', replay_comments(card -> 'comments'),
  'likers', replay_likers(card -> 'likers'),
  'entries', (
    select coalesce(jsonb_agg(entry order by position), '[]')
    from jsonb_array_elements(replay_entries(card -> 'entries')) with ordinality as shown (entry, position)
    where not entry ? 'removed'
  )
);

-- Replaces the comment of the payload by its present text. If it is deleted, a `comment` event becomes `deleted`, and a `like`
-- event has no comment.
create or replace function replay_comment(event text, payload jsonb) returns jsonb
language plpgsql stable as $$
declare
  shown jsonb := payload -> 'comment';
begin
  if shown is null or not shown ? 'body' then
    return payload;
  end if;
  shown := replay_comments(jsonb_build_array(shown)) -> 0;
  if shown is not null then
    return payload || jsonb_build_object('comment', shown);
  elsif event = 'like' then
    return payload - 'comment';
  end if;
  return payload || jsonb_build_object(
    'action', 'deleted',
    'comment', jsonb_build_object('id', payload -> 'comment' -> 'id')
  );
end $$;

-- Returns the event as it may be sent now: {event, payload}. Null if nothing of it may be shown.
create or replace function replay_event(l log) returns jsonb
language plpgsql stable as $$
declare
  event text := l.event;
  payload jsonb := l.payload;
  post posts;
begin
  if event = 'user' then
    return (
      select jsonb_build_object('event', event, 'payload', user_view(u))
      from users u
      where u.id = (payload ->> 'id')::bigint and u.deleted_at is null
    );
  elsif event not in ('post', 'comment', 'like') then
    return jsonb_build_object('event', event, 'payload', payload);
  end if;
  payload := payload || jsonb_build_object('entries', replay_entries(payload -> 'entries'));
  select p.* into post from posts p where p.id = (payload -> 'post' ->> 'id')::bigint;
  if not found or not is_kept(post.id) then
    event := 'post';
    payload := jsonb_build_object(
      'action', 'deleted',
      'post', jsonb_build_object('id', payload -> 'post' -> 'id'),
      'entries', payload -> 'entries'
    );
  else
    payload := replay_comment(event, payload)
      || jsonb_build_object('post', replay_card(payload -> 'post', post));
    if payload ? 'user' and not is_account(payload -> 'user' ->> 'id') then
      payload := payload || jsonb_build_object('user', jsonb_build_object('id', payload -> 'user' -> 'id'));
    end if;
  end if;
  return jsonb_build_object('event', event, 'payload', payload);
end $$;

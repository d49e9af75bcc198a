/**
 * The sections of an export, by their key in the file. Each query selects one JSON value; $1 is the id of the user. An export
 * has the account of the person and the person's own actions. It has nothing that others wrote to or about the person.
 */
export const SECTIONS: Record<string, string> = {
  account: `
    select jsonb_build_object(
      'id', u.id::text, 'username', u.username, 'name', u.name, 'bio', u.bio, 'created_at', utc(u.created_at),
      'admin', u.admin, 'suspended_at', utc(u.suspended_at),
      'former_usernames', (
        select coalesce(jsonb_agg(n.name order by n.name), '[]') from names n where n.feed_id = u.feed_id and not n.current
      )
    )
    from users u
    where u.id = $1`,
  picture: `
    select coalesce(
      jsonb_object_agg(i.variant, jsonb_build_object(
        'content_type', i.content_type,
        'base64', translate(encode(i.bytes, 'base64'), E'\\n', '')
      )),
      '{}'
    )
    from users u
    join images i on i.hash = u.avatar
    where u.id = $1`,
  posts: `
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', p.id::text, 'group', g.name, 'body', p.body, 'created_at', utc(p.created_at),
      'edited_at', utc(p.edited_at), 'like_count', p.like_count, 'comment_count', p.comment_count
    ) order by p.id), '[]')
    from posts p
    left join groups g on g.id = p.group_id
    where p.author_id = $1`,
  comments: `
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', c.id::text, 'post_id', c.post_id::text, 'body', c.body, 'created_at', utc(c.created_at),
      'edited_at', utc(c.edited_at), 'like_count', c.like_count
    ) order by c.id), '[]')
    from comments c
    where c.author_id = $1`,
  post_likes: `
    select coalesce(
      jsonb_agg(jsonb_build_object('post_id', post_id::text, 'created_at', utc(created_at)) order by created_at), '[]'
    )
    from post_likes
    where user_id = $1`,
  comment_likes: `
    select coalesce(
      jsonb_agg(jsonb_build_object('comment_id', comment_id::text, 'created_at', utc(created_at)) order by created_at),
      '[]'
    )
    from comment_likes
    where user_id = $1`,
  following: `
    select coalesce(
      jsonb_agg(jsonb_build_object('username', u.username, 'created_at', utc(s.created_at)) order by s.created_at), '[]'
    )
    from subscriptions s
    join users u on u.feed_id = s.feed_id and u.id <> s.user_id and u.deleted_at is null
    where s.user_id = $1`,
  groups: `
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', g.name, 'title', g.title, 'joined_at', utc(s.created_at),
      'owner', exists (select from group_owners o where o.feed_id = s.feed_id and o.user_id = s.user_id)
    ) order by s.created_at), '[]')
    from subscriptions s
    join groups g on g.feed_id = s.feed_id
    where s.user_id = $1`,
  group_requests: `
    select coalesce(
      jsonb_agg(jsonb_build_object('group', g.name, 'created_at', utc(r.created_at)) order by r.created_at), '[]'
    )
    from group_requests r
    join groups g on g.id = r.group_id
    where r.user_id = $1`,
  sessions: `
    select coalesce(jsonb_agg(jsonb_build_object(
      'created_at', utc(created_at), 'last_seen_at', utc(last_seen_at), 'expires_at', utc(expires_at),
      'address', address, 'user_agent', user_agent
    ) order by created_at), '[]')
    from sessions
    where user_id = $1`,
  reports: `
    select coalesce(jsonb_agg(jsonb_build_object(
      'kind', kind, 'id', subject_id::text, 'reason', reason, 'created_at', utc(created_at), 'outcome', outcome
    ) order by id), '[]')
    from reports
    where reporter_id = $1`,
  invitations: `
    select coalesce(jsonb_agg(jsonb_build_object(
      'note', note, 'created_at', utc(created_at), 'uses', uses, 'max_uses', max_uses
    ) order by id), '[]')
    from invitations
    where creator_id = $1`,
  admin_actions: `
    select coalesce(
      jsonb_agg(jsonb_build_object('action', action, 'at', utc(at), 'detail', detail) order by id), '[]'
    )
    from admin_log
    where admin_id = $1`,
}

/**
 * Where a user is named in the database, and the section that has it; null if nothing of it belongs into an export. A
 * test compares it with the foreign keys, so that a new table is not forgotten.
 */
export const COVERAGE: Record<string, keyof typeof SECTIONS | null> = {
  'posts.author_id': 'posts',
  'comments.author_id': 'comments',
  'post_likes.user_id': 'post_likes',
  'comment_likes.user_id': 'comment_likes',
  'subscriptions.user_id': 'following',
  'group_requests.user_id': 'group_requests',
  'sessions.user_id': 'sessions',
  'reports.reporter_id': 'reports',
  'invitations.creator_id': 'invitations',
  'admin_log.admin_id': 'admin_actions',
  'entries.actor_id': null, // follows from posts, comments and likes
  'password_resets.user_id': null, // a hash
  'reports.author_id': null, // what others wrote
  'reports.closer_id': null, // in the log of admins
  'admin_log.user_id': null, // what admins did
}

import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'

/** The card as separate queries, each as simple as possible: what `post_cards` must return, in one statement. */
const REFERENCE = `
  create function reference_user(user_id bigint) returns jsonb language sql return (
    select jsonb_build_object('id', id::text, 'username', username, 'name', name, 'avatar', avatar)
    from users where id = user_id
  );
  create function reference_comment(c comments) returns jsonb language sql return jsonb_build_object(
    'id', c.id::text, 'author', reference_user(c.author_id), 'body', c.body,
    'created_at', utc(c.created_at), 'edited_at', utc(c.edited_at), 'like_count', c.like_count
  );
  create function reference_comments(post_id bigint, count bigint) returns jsonb language sql return (
    select coalesce(jsonb_agg(reference_comment(c) order by c.id), '[]')
    from comments c
    join users author on author.id = c.author_id and author.deleted_at is null
    where c.id in (
      (select id from comments where comments.post_id = reference_comments.post_id order by id limit case when count > 5 then 1 else 5 end)
      union
      (select id from comments where comments.post_id = reference_comments.post_id order by id desc limit 2)
    )
  );
  create function reference_card(p posts) returns jsonb language sql return jsonb_build_object(
    'id', p.id::text,
    'author', reference_user(p.author_id),
    'group', (
      select jsonb_build_object('id', id::text, 'name', name, 'title', title, 'visibility', visibility)
      from groups where id = p.group_id
    ),
    'body', p.body,
    'created_at', utc(p.created_at),
    'edited_at', utc(p.edited_at),
    'like_count', p.like_count,
    'likers', (
      select coalesce(jsonb_agg(reference_user(l.user_id) order by l.created_at desc, l.user_id desc), '[]')
      from (select * from post_likes where post_id = p.id order by created_at desc, user_id desc limit 4) l
      where not exists (select from users where id = l.user_id and deleted_at is not null)
    ),
    'comment_count', p.comment_count,
    'comments', reference_comments(p.id, p.comment_count),
    'entries', (
      select coalesce(jsonb_agg(
        jsonb_build_object('feed', feed_id::text, 'at', utc(at), 'reason', reason, 'actor', reference_user(actor_id))
        order by at desc, feed_id desc
      ), '[]')
      from entries where post_id = p.id
    )
  );`

/** 60 posts with 0 to 9 comments and likes each; some are in groups, edited, or by people whose account is deleted. */
const DATA = `
  insert into users (username, password_hash, avatar)
  select 'user_' || n, 'x', case when n % 3 = 0 then md5(n::text) end from generate_series(1, 12) n;
  insert into groups (name, title, visibility) values ('open', 'Open', 'public'), ('closed', 'Closed', 'private');
  insert into posts (author_id, group_id, body)
  select 1 + n % 12, case n % 5 when 1 then 1 when 2 then 2 end, 'Post "' || n || '" 😀 \\ ' from generate_series(1, 60) n;
  insert into comments (post_id, author_id, body)
  select p, 1 + (p * 7 + n * 5) % 12, 'Comment ' || n from generate_series(1, 60) p, generate_series(1, 9) n where n <= p % 10;
  insert into post_likes (post_id, user_id)
  select p, n from generate_series(1, 60) p, generate_series(1, 9) n where n <= p * 3 % 10;
  insert into comment_likes (comment_id, user_id) select id, 1 + id % 12 from comments;
  update posts set body = body || ' edited' where id % 7 = 0;
  update comments set body = body || ' edited' where id % 5 = 0;
  update users set deleted_at = now() where id in (3, 8);`

describe('the card of a post', () => {
  const database = useDatabase()
  before(async () => {
    await database.query(REFERENCE)
    await database.query(DATA)
  })

  it('has what separate queries return, to the byte, also with deleted accounts and private groups', async () => {
    const [counts] = await database.query(`
      select
        count(*)::int as posts,
        count(*) filter (where comment_count > 5)::int > 0 as "many comments",
        count(*) filter (where comment_count <= 5)::int > 0 as "few comments",
        count(*) filter (where like_count > 4)::int > 0 as "many likes",
        count(*) filter (where edited_at is not null)::int > 0 as edited
      from posts`)
    expect(counts).to.deep.equal({
      posts: 60,
      'many comments': true,
      'few comments': true,
      'many likes': true,
      edited: true,
    })
    const wrong = await database.query(`
      select p.id, post_card(p)::text as card, reference_card(p)::text as expected
      from posts p
      where post_card(p)::text is distinct from reference_card(p)::text`)
    expect(wrong).to.deep.equal([])
  })

  it('is the same from the statement that builds many cards', async () => {
    const wrong = await database.query(`
      select p.id
      from posts p
      left join post_cards(array(select id from posts)) c on c.id = p.id
      where c.card::text is distinct from reference_card(p)::text`)
    expect(wrong).to.deep.equal([])
  })
})

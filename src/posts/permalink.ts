import { sql, type Db } from '../db/pool.ts'
import { NotFound } from '../lib/errors.ts'
import type { Pages } from '../shared/pages.ts'
import type { CommentView, LikesView, PostView } from '../shared/views.ts'

type PostPage = Pages['posts/show.njk']

const COMMENTS = 100

interface PermalinkRow {
  seq: string
  post: PostView
  comments: CommentView[]
  likes: LikesView
}

/**
 * A post with its newest comments, as of one snapshot: one statement, so that its `seq` is the cursor from which the
 * stream goes on. Throws NotFound.
 */
export async function getPostPage(db: Db, viewerId: string | null, id: string): Promise<PostPage> {
  const row = await db.maybeOne(sql.row<PermalinkRow>()`
    with shown as (
      select c.id
      from comments c
      join users author on author.id = c.author_id and author.deleted_at is null
      where c.post_id = ${id}
      order by c.id desc
      limit ${COMMENTS + 1}
    )
    select
      coalesce((select max(seq) from log), 0) as seq,
      post_card(p) as post,
      (
        select coalesce(json_agg(comment_view(c) order by c.id), '[]')
        from comments c
        where c.id in (select id from shown)
      ) as comments,
      json_build_object(
        'posts', (
          select coalesce(json_agg(post_id::text), '[]')
          from post_likes
          where user_id = ${viewerId}::bigint and post_id = p.id
        ),
        'comments', (
          select coalesce(json_agg(l.comment_id::text), '[]')
          from shown
          join comment_likes l on l.comment_id = shown.id and l.user_id = ${viewerId}::bigint
        )
      ) as likes
    from posts p
    where p.id = ${id} and may_see_post(${viewerId}::bigint, p)`)
  if (!row) throw new NotFound('This post does not exist, or not any more.')
  const { seq, post, likes } = row
  const comments = row.comments.slice(-COMMENTS)
  return {
    seq,
    stream: `/posts/${post.id}/stream`,
    // Alone on its page, a post stands there since it was written, for no other reason.
    post: { ...post, entry: { at: post.created_at, reason: null, actor: null } },
    comments,
    before: row.comments.length > COMMENTS ? comments[0]!.id : null,
    likes,
  }
}

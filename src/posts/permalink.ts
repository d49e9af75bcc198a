import { sql, type Db } from '../db/pool.ts'
import type { Pages } from '../shared/pages.ts'
import type { CommentView, LikesView, PostView } from '../shared/views.ts'
import { throwPostNotFound } from './posts.ts'

type PostPage = Pages['posts/show.njk']

const MAX_COMMENTS = 100

interface PermalinkRow {
  seq: string
  post: PostView
  comments: CommentView[]
  likes: LikesView
}

/**
 * Returns a post with its newest 100 comments. A single statement reads them, so all belong to the snapshot of `seq`,
 * the cursor with which the page opens its stream.
 * @throws NotFound if the post does not exist, or the viewer may not see it.
 */
export async function getPostPage(db: Db, viewerId: string | null, id: string): Promise<PostPage> {
  const row = await db.maybeOne(sql.row<PermalinkRow>()`
    with shown as (
      select c.id
      from comments c
      join users author on author.id = c.author_id and author.deleted_at is null
      where c.post_id = ${id}
      order by c.id desc
      limit ${MAX_COMMENTS + 1}
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
  if (!row) return throwPostNotFound()
  const { seq, post, likes } = row
  const comments = row.comments.slice(-MAX_COMMENTS)
  return {
    seq,
    stream: `/posts/${post.id}/stream`,
    // This page merges no feeds, so no entry gives the post a time or a reason.
    post: { ...post, entry: { at: post.created_at, reason: null, actor: null } },
    comments,
    before: row.comments.length > MAX_COMMENTS ? comments[0]!.id : null,
    likes,
  }
}

import type { FragmentSqlToken } from 'slonik'
import { z } from 'zod'
import { optional, text } from '../web/body.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, NotFound } from '../lib/errors.ts'
import { ClientKeyReused } from '../posts/client-key.ts'
import { throwPostNotFound } from '../posts/posts.ts'
import type { Pages } from '../shared/pages.ts'
import type { CommentView, GroupView, LikesView, Me, UserView } from '../shared/views.ts'

const Body = text({
  max: 2000,
  empty: 'Please write something',
  long: 'A comment can have at most 2,000 characters',
})

export const CommentInput = z.object({ body: Body, client_key: optional(100) })

export const CommentEditInput = z.object({ body: Body })

/**
 * Lists the newest `limit` comments of a post with ids below `before`, oldest first.
 * @throws NotFound if the post does not exist, or the viewer may not see it.
 */
export async function listComments(
  db: Db,
  viewerId: string | null,
  postId: string,
  { before, limit }: { before: string; limit: number },
): Promise<Pages['posts/comments.njk']> {
  const row = await db.maybeOne(sql.row<{
    author: UserView
    group: GroupView | null
    comments: CommentView[]
    likes: LikesView
  }>()`
    with page as (
      select c.id
      from comments c
      join users author on author.id = c.author_id and author.deleted_at is null
      where c.post_id = ${postId} and c.id < ${before}
      order by c.id desc
      limit ${limit + 1}
    )
    select
      (select user_view(u) from users u where u.id = p.author_id) as author,
      (select group_view(g) from groups g where g.id = p.group_id) as group,
      (
        select coalesce(json_agg(comment_view(c) order by c.id), '[]')
        from comments c
        where c.id in (select id from page)
      ) as comments,
      json_build_object('posts', json_build_array(), 'comments', (
        select coalesce(json_agg(comment_id::text), '[]')
        from comment_likes
        where user_id = ${viewerId}::bigint and comment_id in (select id from page)
      )) as likes
    from posts p
    where p.id = ${postId} and may_see_post(${viewerId}::bigint, p)`)
  if (!row) return throwPostNotFound()
  const comments = row.comments.slice(-limit)
  const more = row.comments.length > limit
  const post = { id: postId, author: row.author, group: row.group }
  return { post, comments, before: more ? comments[0]!.id : null, likes: row.likes }
}

/**
 * Returns a comment that `me` wrote.
 * @throws NotFound if the comment does not exist, or `me` may not see it.
 * @throws Forbidden if another person wrote it.
 */
export async function getOwnComment(
  db: Db,
  me: Me,
  id: string,
): Promise<{ id: string; post_id: string; body: string }> {
  const comment = await db.maybeOne(sql.row<{ id: string; post_id: string; body: string; own: boolean }>()`
    select c.id, c.post_id, c.body, c.author_id = ${me.id} as own
    from comments c
    join posts p on p.id = c.post_id
    where c.id = ${id} and may_see_post(${me.id}, p)`)
  if (!comment) return throwCommentNotFound()
  if (!comment.own) throw new Forbidden('Only the author can edit this comment.')
  return { id: comment.id, post_id: comment.post_id, body: comment.body }
}

/**
 * Returns a comment that `me` may delete: its author, the author of the post and owners of the group may.
 * @throws NotFound if the comment does not exist, or `me` may not see it.
 * @throws Forbidden if `me` may not delete it.
 */
export async function getDeletableComment(
  db: Db,
  me: Me,
  id: string,
): Promise<{ id: string; post_id: string; body: string }> {
  const comment = await db.maybeOne(sql.row<{
    id: string
    post_id: string
    body: string
    allowed: boolean
  }>()`
    select c.id, c.post_id, c.body, ${mayDelete(me)} as allowed
    from comments c
    join posts p on p.id = c.post_id
    where c.id = ${id} and may_see_post(${me.id}, p)`)
  if (!comment) return throwCommentNotFound()
  if (!comment.allowed) throw new Forbidden('You cannot delete another person’s comment.')
  return { id: comment.id, post_id: comment.post_id, body: comment.body }
}

/**
 * Comments on a post. If `me` has used the `client_key` before, returns the earlier comment, with `created` false.
 * @throws NotFound if the post does not exist, or `me` may not see it.
 * @throws ClientKeyReused if the earlier comment has another text or post.
 */
export async function createComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  postId: string,
  { body, client_key }: z.output<typeof CommentInput>,
): Promise<{ comment: CommentView; created: boolean }> {
  // Locks the post before it inserts the comment: see `likePost` in likes/likes.ts.
  const [created] = await write.statement(
    sql.row<{ comment: CommentView }>()`
      insert into comments (post_id, author_id, body, client_key)
      select p.id, ${me.id}, ${body}, ${client_key}
      from posts p
      where p.id = ${postId} and may_see_post(${me.id}, p)
      for no key update of p
      on conflict (author_id, client_key) do nothing
      returning comment_view(comments) as comment`,
    `posts ${postId}`,
  )
  if (created) return { comment: created.comment, created: true }
  const earlier = await db.maybeOne(sql.row<{ same: boolean; comment: CommentView }>()`
    select c.post_id = ${postId} and c.body = ${body} as same, comment_view(c) as comment
    from comments c
    join posts p on p.id = c.post_id
    where c.author_id = ${me.id} and c.client_key = ${client_key} and may_see_post(${me.id}, p)`)
  if (!earlier) return throwPostNotFound()
  if (!earlier.same) throw new ClientKeyReused()
  return { comment: earlier.comment, created: false }
}

/**
 * Replaces the text of a comment.
 * @throws NotFound or Forbidden like `getOwnComment`.
 */
export async function editComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
  { body }: z.output<typeof CommentEditInput>,
): Promise<{ post_id: string; comment: CommentView }> {
  const { post_id } = await getOwnComment(db, me, id)
  const [edited] = await write.statement(
    sql.row<{ comment: CommentView }>()`
      update comments c
      set body = ${body}
      from (${lockedPost(me, post_id)}) p
      where c.id = ${id} and c.post_id = p.id and c.author_id = ${me.id}
      returning comment_view(c) as comment`,
    `posts ${post_id}`,
  )
  return edited ? { post_id, comment: edited.comment } : throwCommentNotFound()
}

/**
 * Deletes a comment with its likes.
 * @throws NotFound or Forbidden like `getDeletableComment`.
 */
export async function deleteComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
): Promise<{ post_id: string }> {
  const { post_id } = await getDeletableComment(db, me, id)
  await write(
    (tx) =>
      tx.query(sql.command`
      delete from comments c
      using (${lockedPost(me, post_id)}) p
      where c.id = ${id} and c.post_id = p.id and ${mayDelete(me)}`),
    `posts ${post_id}`,
  )
  return { post_id }
}

/** Deletes a comment with its likes, if the condition is true. Locks the post first, like every write. */
export async function removeComment(tx: Db, id: string, condition: FragmentSqlToken): Promise<void> {
  await tx.query(sql.command`
    delete from comments c
    using (
      select p.id
      from posts p
      where p.id = (select post_id from comments where id = ${id})
      for no key update of p
    ) p
    where c.id = ${id} and c.post_id = p.id and ${condition}`)
}

/** Selects and locks a post that `me` may see. Every write locks the post before its comments, to avoid deadlocks. */
function lockedPost(me: Me, id: string): FragmentSqlToken {
  return sql.fragment`
    select p.id, p.author_id, p.group_id
    from posts p
    where p.id = ${id} and may_see_post(${me.id}, p)
    for no key update of p`
}

/** A condition: `me` may delete the row `c` of `comments`, whose post is `p`. */
function mayDelete(me: Me): FragmentSqlToken {
  return sql.fragment`(${me.id} in (c.author_id, p.author_id) or owns_group(${me.id}, p.group_id))`
}

export function throwCommentNotFound(): never {
  throw new NotFound('Comment not found')
}

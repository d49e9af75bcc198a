import type { FragmentSqlToken } from 'slonik'
import type { Cursor } from '../db/pagination.ts'
import { listPeople, type PeoplePage } from '../users/people.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { throwCommentNotFound } from '../comments/comments.ts'
import type { CommentView, Me, PostView } from '../shared/views.ts'

export interface LikedComment {
  comment: CommentView
  post: PostView
}

/**
 * Likes a comment; liking it again changes nothing. Locks the post first: see `likePost`. Returns the id of the post.
 * @throws NotFound if the comment does not exist, or `me` may not see it.
 */
export async function likeComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
): Promise<{ post_id: string }> {
  const post_id = await getPostId(db, me.id, id)
  const comments = await write.statement(
    sql.row<{ id: string }>()`
      with comment as (
        select c.id
        from (${lockedPost(me, id)}) p
        join comments c on c.post_id = p.id
        where c.id = ${id}
        for key share of c
      ), liked as (
        insert into comment_likes (comment_id, user_id)
        select id, ${me.id}
        from comment
        on conflict do nothing
      )
      select id from comment`,
    `posts ${post_id}`,
  )
  if (comments.length === 0) throwCommentNotFound()
  return { post_id }
}

/**
 * Removes a like; does nothing if `me` does not like the comment. Returns the id of the post.
 * @throws NotFound if the comment does not exist, or `me` may not see it.
 */
export async function unlikeComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
): Promise<{ post_id: string }> {
  const post_id = await getPostId(db, me.id, id)
  await write.statement(
    sql.command`
      delete from comment_likes l
      using (${lockedPost(me, id)}) p
      where l.comment_id = ${id} and l.user_id = ${me.id}`,
    `posts ${post_id}`,
  )
  return { post_id }
}

/**
 * Returns a comment, and the card of its post.
 * @throws NotFound if the comment does not exist, or the viewer may not see it.
 */
export async function getCommentAndPost(db: Db, viewerId: string, id: string): Promise<LikedComment> {
  const found = await db.maybeOne(sql.row<LikedComment>()`
    select comment_view(c) as comment, post_card(p) as post
    from comments c
    join posts p on p.id = c.post_id
    where c.id = ${id} and may_see_post(${viewerId}, p)`)
  return found ?? throwCommentNotFound()
}

/**
 * Lists the people who like a comment, newest like first.
 * @throws NotFound if the comment does not exist, or the viewer may not see it.
 */
export async function listCommentLikers(
  db: Db,
  viewerId: string | null,
  id: string,
  before: Cursor,
): Promise<PeoplePage & { comment: { id: string; post_id: string } }> {
  const post_id = await getPostId(db, viewerId, id)
  const likes = sql.fragment`
    select l.user_id, l.created_at
    from comments c
    join posts p on p.id = c.post_id
    join comment_likes l on l.comment_id = c.id
    where c.id = ${id} and may_see_post(${viewerId}::bigint, p)`
  return { comment: { id, post_id }, ...(await listPeople(db, viewerId, likes, before)) }
}

/**
 * Returns the id of a comment's post.
 * @throws NotFound if the comment does not exist, or the viewer may not see it.
 */
async function getPostId(db: Db, viewerId: string | null, commentId: string): Promise<string> {
  const post_id = await db.maybeOneFirst(sql.row<{ post_id: string }>()`
    select c.post_id
    from comments c
    join posts p on p.id = c.post_id
    where c.id = ${commentId} and may_see_post(${viewerId}::bigint, p)`)
  return post_id ?? throwCommentNotFound()
}

/** Selects and locks the post of a comment that `me` may see. */
function lockedPost(me: Me, commentId: string): FragmentSqlToken {
  return sql.fragment`
    select p.id
    from posts p
    where p.id = (select post_id from comments where id = ${commentId}) and may_see_post(${me.id}, p)
    for no key update of p`
}

import type { FragmentSqlToken } from 'slonik'
import type { Cursor } from '../db/pagination.ts'
import { listPeople, type PeoplePage } from '../users/people.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { getVisiblePost, throwPostNotFound } from '../posts/posts.ts'
import type { LikesView, Me } from '../shared/views.ts'

/**
 * Likes a post; liking it again changes nothing.
 * @throws NotFound if the post does not exist, or `me` may not see it.
 */
export async function likePost({ write }: { write: Write }, me: Me, id: string): Promise<void> {
  // Locks the post before it inserts the like. If the post is being deleted, the statement then waits and finds no
  // post; without the lock, it would fail on the foreign key.
  const posts = await write.statement(
    sql.row<{ id: string }>()`
      with post as (${lockedPost(me, id)}), liked as (
        insert into post_likes (post_id, user_id)
        select id, ${me.id}
        from post
        on conflict do nothing
      )
      select id from post`,
    `posts ${id}`,
  )
  if (posts.length === 0) throwPostNotFound()
}

/**
 * Removes a like; does nothing if `me` does not like the post.
 * @throws NotFound if the post does not exist, or `me` may not see it.
 */
export async function unlikePost({ write }: { write: Write }, me: Me, id: string): Promise<void> {
  // Locks the post before the like, as every other write does, to avoid deadlocks.
  const posts = await write.statement(
    sql.row<{ id: string }>()`
      with post as (${lockedPost(me, id)}), unliked as (
        delete from post_likes l
        using post
        where l.post_id = post.id and l.user_id = ${me.id}
      )
      select id from post`,
    `posts ${id}`,
  )
  if (posts.length === 0) throwPostNotFound()
}

/** Selects and locks a post that `me` may see. */
function lockedPost(me: Me, id: string): FragmentSqlToken {
  return sql.fragment`
    select p.id from posts p where p.id = ${id} and may_see_post(${me.id}, p) for no key update of p`
}

/** Returns which of these posts and comments `me` likes. Leaves out ids that do not exist. */
export async function listMyLikes(db: Db, me: Me, { posts, comments }: LikesView): Promise<LikesView> {
  return db.one(sql.row<LikesView>()`
    select
      array(
        select post_id::text
        from post_likes
        where user_id = ${me.id} and post_id = any(${sql.array(posts, 'int8')})
      ) as posts,
      array(
        select comment_id::text
        from comment_likes
        where user_id = ${me.id} and comment_id = any(${sql.array(comments, 'int8')})
      ) as comments`)
}

/**
 * Lists the people who like a post, newest like first.
 * @throws NotFound if the post does not exist, or the viewer may not see it.
 */
export async function listPostLikers(
  db: Db,
  viewerId: string | null,
  id: string,
  before: Cursor,
): Promise<PeoplePage & { post: { id: string } }> {
  await getVisiblePost(db, viewerId, id)
  const likes = sql.fragment`
    select l.user_id, l.created_at
    from posts p
    join post_likes l on l.post_id = p.id
    where p.id = ${id} and may_see_post(${viewerId}::bigint, p)`
  return { post: { id }, ...(await listPeople(db, viewerId, likes, before)) }
}

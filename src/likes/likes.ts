import type { Cursor } from '../db/pagination.ts'
import { listPeople, type PeoplePage } from '../users/people.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { getVisiblePost } from '../posts/posts.ts'
import type { LikesView, Me, PostView } from '../shared/views.ts'

/** Liking twice counts once. Throws NotFound. */
export async function likePost(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
): Promise<PostView> {
  // The post is locked before its like is written: one that is being deleted is then gone, not a broken reference.
  await write(
    (tx) =>
      tx.query(sql.unsafe`
      insert into post_likes (post_id, user_id)
      select p.id, ${me.id}
      from posts p
      where p.id = ${id} and may_see_post(${me.id}, p)
      for no key update of p
      on conflict do nothing`),
    `posts ${id}`,
  )
  return getVisiblePost(db, me.id, id)
}

/** Throws NotFound. */
export async function unlikePost(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
): Promise<PostView> {
  // Post first, like second: the order in which everything locks them, or two could wait for each other.
  await write(
    (tx) =>
      tx.query(sql.unsafe`
      delete from post_likes l
      using (select p.id from posts p where p.id = ${id} and may_see_post(${me.id}, p) for no key update of p) p
      where l.post_id = p.id and l.user_id = ${me.id}`),
    `posts ${id}`,
  )
  return getVisiblePost(db, me.id, id)
}

/** Returns which of these posts and comments I like; ids that do not exist are left out. */
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

/** Who likes a post, the newest first. Throws NotFound. */
export async function listLikers(
  db: Db,
  viewerId: string | null,
  id: string,
  before: Cursor,
): Promise<PeoplePage & { post: { id: string } }> {
  await getVisiblePost(db, viewerId, id)
  const places = sql.fragment`
    select l.user_id, l.created_at
    from posts p
    join post_likes l on l.post_id = p.id
    where p.id = ${id} and may_see_post(${viewerId}::bigint, p)`
  return { post: { id }, ...(await listPeople(db, viewerId, places, before)) }
}

import { z } from 'zod'
import { optional, text } from '../lib/body.ts'
import { sql, type Db, type Write } from '../lib/db.ts'
import { Forbidden, Invalid, NotFound } from '../lib/errors.ts'
import type { Pages } from '../shared/pages.ts'
import type { CommentView, LikesView, Me } from '../shared/views.ts'

const Body = text({
  max: 2000,
  empty: 'Please write something',
  long: 'A comment has at most 2,000 characters',
})

export const CommentInput = z.object({ body: Body, client_key: optional(100) })

export const CommentEditInput = z.object({ body: Body })

/** The newest `limit` comments before `before`, the oldest of them first. Throws NotFound. */
export async function listComments(
  db: Db,
  viewerId: string | null,
  postId: string,
  { before, limit }: { before: string; limit: number },
): Promise<Pages['posts/comments.njk']> {
  const row = await db.maybeOne(sql.row<{ comments: CommentView[]; likes: LikesView }>()`
    with page as (
      select id from comments where post_id = ${postId} and id < ${before} order by id desc limit ${limit + 1}
    )
    select
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
  if (!row) throw new NotFound('This post does not exist, or not any more.')
  const comments = row.comments.slice(-limit)
  const more = row.comments.length > limit
  return { post: { id: postId }, comments, before: more ? comments[0]!.id : null, likes: row.likes }
}

/** One of my comments. Throws NotFound where I may not see it, Forbidden where it is somebody else's. */
export async function getOwnComment(
  db: Db,
  me: Me,
  id: string,
): Promise<{ id: string; post_id: string; body: string }> {
  const comment = await db.maybeOne(sql.row<{ id: string; post_id: string; body: string; mine: boolean }>()`
    select c.id, c.post_id, c.body, c.author_id = ${me.id} as mine
    from comments c
    join posts p on p.id = c.post_id
    where c.id = ${id} and may_see_post(${me.id}, p)`)
  if (!comment) return refuse()
  if (!comment.mine) throw new Forbidden('This is somebody else’s comment.')
  return { id: comment.id, post_id: comment.post_id, body: comment.body }
}

/**
 * The same `client_key` again finds the comment that was made first.
 * Throws NotFound for a post that I may not see, Invalid for a key that another post's comment has.
 */
export async function createComment(
  write: Write,
  me: Me,
  postId: string,
  { body, client_key }: z.output<typeof CommentInput>,
): Promise<{ comment: CommentView; created: boolean }> {
  const { id, found } = await write(async (tx) => {
    // The post is locked before its comment is written: see likes/likes.ts.
    const id = await tx.maybeOneFirst(sql.row<{ id: string }>()`
      insert into comments (post_id, author_id, body, client_key)
      select p.id, ${me.id}, ${body}, ${client_key}
      from posts p
      where p.id = ${postId} and may_see_post(${me.id}, p)
      for no key update of p
      on conflict (author_id, client_key) do nothing
      returning id`)
    const found = await tx.maybeOne(sql.row<{ post_id: string; comment: CommentView }>()`
      select c.post_id, comment_view(c) as comment
      from comments c
      join posts p on p.id = c.post_id
      where may_see_post(${me.id}, p) and c.id = coalesce(
        ${id}::bigint,
        (select first.id from comments first where first.author_id = ${me.id} and first.client_key = ${client_key})
      )`)
    return { id, found }
  })
  if (!found) throw new NotFound('This post does not exist, or not any more.')
  if (found.post_id !== postId) throw new Invalid({ client_key: 'This key belongs to another comment' })
  return { comment: found.comment, created: id !== null }
}

/** Throws NotFound or Forbidden, as `getOwnComment` does. */
export async function editComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
  { body }: z.output<typeof CommentEditInput>,
): Promise<{ post_id: string; comment: CommentView }> {
  const { post_id } = await getOwnComment(db, me, id)
  const comment = await write((tx) =>
    tx.maybeOneFirst(sql.row<{ comment: CommentView }>()`
      update comments c
      set body = ${body}
      from (select id from posts where id = ${post_id} for no key update) p
      where c.id = ${id} and c.post_id = p.id and c.author_id = ${me.id}
      returning comment_view(c) as comment`),
  )
  return comment ? { post_id, comment } : refuse()
}

/** Throws NotFound or Forbidden, as `getOwnComment` does. */
export async function deleteComment(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
): Promise<{ post_id: string }> {
  const { post_id } = await getOwnComment(db, me, id)
  await write((tx) =>
    tx.query(sql.unsafe`
      delete from comments c
      using (select id from posts where id = ${post_id} for no key update) p
      where c.id = ${id} and c.post_id = p.id and c.author_id = ${me.id}`),
  )
  return { post_id }
}

function refuse(): never {
  throw new NotFound('This comment does not exist, or not any more.')
}

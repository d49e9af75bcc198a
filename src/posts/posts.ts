import type { FragmentSqlToken } from 'slonik'
import { z } from 'zod'
import { optional, text } from '../web/body.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, Invalid, NotFound } from '../lib/errors.ts'
import { foldName } from '../web/paths.ts'
import type { Me, PostView } from '../shared/views.ts'
import { ClientKeyReused } from './client-key.ts'

const Body = text({
  max: 5000,
  empty: 'Please write something',
  long: 'A post can have at most 5,000 characters',
})

export const PostInput = z.object({ body: Body, group: optional(100), client_key: optional(100) })

export const PostEditInput = z.object({ body: Body })

/**
 * Returns the card of a post. `viewerId` is null for an anonymous visitor.
 * @throws NotFound if the post does not exist, or the viewer may not see it.
 */
export async function getVisiblePost(db: Db, viewerId: string | null, id: string): Promise<PostView> {
  const post = await db.maybeOneFirst(sql.row<{ post: PostView }>()`
    select post_card(p) as post
    from posts p
    where p.id = ${id} and may_see_post(${viewerId}::bigint, p)`)
  return post ?? throwPostNotFound()
}

/**
 * Returns a post that `me` wrote.
 * @throws NotFound if the post does not exist, or `me` may not see it.
 * @throws Forbidden if another person wrote it.
 */
export async function getOwnPost(db: Db, me: Me, id: string): Promise<{ id: string; body: string }> {
  const post = await db.maybeOne(sql.row<{ id: string; body: string; own: boolean }>()`
    select p.id, p.body, p.author_id = ${me.id} as own
    from posts p
    where p.id = ${id} and may_see_post(${me.id}, p)`)
  if (!post) return throwPostNotFound()
  if (!post.own) throw new Forbidden('Only the author can edit this post.')
  return { id: post.id, body: post.body }
}

/**
 * Returns a post that `me` wrote, or that is in a group that `me` owns.
 * @throws NotFound if the post does not exist, or `me` may not see it.
 * @throws Forbidden if `me` may not delete it.
 */
export async function getDeletablePost(db: Db, me: Me, id: string): Promise<{ id: string; body: string }> {
  const post = await db.maybeOne(sql.row<{ id: string; body: string; allowed: boolean }>()`
    select p.id, p.body, ${mayDelete(me)} as allowed
    from posts p
    where p.id = ${id} and may_see_post(${me.id}, p)`)
  if (!post) return throwPostNotFound()
  if (!post.allowed) throw new Forbidden('You cannot delete another person’s post.')
  return { id: post.id, body: post.body }
}

/**
 * Posts to the feed of `me`, or to a group. If `me` has used the `client_key` before, returns the earlier post, with
 * `created` false.
 * @throws NotFound if the group does not exist, or `me` may not see it.
 * @throws Invalid if `me` is not a member of the group.
 * @throws ClientKeyReused if the earlier post has another text or group.
 */
export async function createPost(
  { db, write }: { db: Db; write: Write },
  me: Me,
  { body, group, client_key }: z.output<typeof PostInput>,
): Promise<{ post: PostView; created: boolean }> {
  const groupId = group === null ? null : await getGroupId(db, me, group)
  // Locks the membership until the commit, so that a member who is being removed cannot post.
  const [created] = await write.statement(
    sql.row<{ id: string }>()`
      with membership as (
        select
        from subscriptions s
        join groups g on g.feed_id = s.feed_id
        where g.id = ${groupId}::bigint and s.user_id = ${me.id}
        for key share of s
      )
      insert into posts (author_id, group_id, body, client_key)
      select ${me.id}, ${groupId}, ${body}, ${client_key}
      where ${groupId}::bigint is null or exists (select from membership)
      on conflict (author_id, client_key) do nothing
      returning id`,
    groupId === null ? `users ${me.id}` : `groups ${groupId}`,
  )
  if (created) return { post: await getVisiblePost(db, me.id, created.id), created: true }
  const earlier = await db.maybeOne(sql.row<{ post: PostView; same: boolean }>()`
    select post_card(p) as post, p.body = ${body} and p.group_id is not distinct from ${groupId}::bigint as same
    from posts p
    where p.author_id = ${me.id} and p.client_key = ${client_key} and may_see_post(${me.id}, p)`)
  if (!earlier) return throwPostNotFound()
  if (!earlier.same) throw new ClientKeyReused()
  return { post: earlier.post, created: false }
}

/**
 * Replaces the text of a post.
 * @throws NotFound or Forbidden like `getOwnPost`.
 */
export async function editPost(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
  { body }: z.output<typeof PostEditInput>,
): Promise<PostView> {
  await getOwnPost(db, me, id)
  // `post_card` reads the post as it was before the statement.
  const [edited] = await write.statement(
    sql.row<{ post: PostView }>()`
      update posts p
      set body = ${body}
      where p.id = ${id} and p.author_id = ${me.id} and may_see_post(${me.id}, p)
      returning post_card(p) || jsonb_build_object('body', p.body, 'edited_at', utc(p.edited_at)) as post`,
    `posts ${id}`,
  )
  return edited?.post ?? throwPostNotFound()
}

/**
 * Deletes a post with its comments and likes.
 * @throws NotFound or Forbidden like `getDeletablePost`.
 */
export async function deletePost({ db, write }: { db: Db; write: Write }, me: Me, id: string): Promise<void> {
  await getDeletablePost(db, me, id)
  await write(
    (tx) => removePost(tx, id, sql.fragment`may_see_post(${me.id}, p) and ${mayDelete(me)}`),
    `posts ${id}`,
  )
}

/** Deletes a post with its comments and likes, if the condition, on the row `p` of `posts`, is true. */
export async function removePost(tx: Db, id: string, condition: FragmentSqlToken): Promise<void> {
  await tx.query(sql.command`delete from posts p where p.id = ${id} and ${condition}`)
}

/** A condition: `me` may delete the row `p` of `posts`. */
function mayDelete(me: Me): FragmentSqlToken {
  return sql.fragment`(p.author_id = ${me.id} or owns_group(${me.id}, p.group_id))`
}

/**
 * Returns the id of a group that `me` is a member of.
 * @throws NotFound if no group has this name, or if it is private and `me` is not a member.
 * @throws Invalid if it is public and `me` is not a member.
 */
async function getGroupId(db: Db, me: Me, name: string): Promise<string> {
  const group = await db.maybeOne(sql.row<{ id: string; visibility: string; member: boolean }>()`
    select g.id, g.visibility, exists (
      select from subscriptions s where s.user_id = ${me.id} and s.feed_id = g.feed_id
    ) as member
    from groups g
    where g.name = ${foldName(name)}`)
  if (!group || (group.visibility === 'private' && !group.member)) throw new NotFound('Group not found')
  if (!group.member) throw new Invalid({ group: 'Only members can post to this group' })
  return group.id
}

export function throwPostNotFound(): never {
  throw new NotFound('Post not found')
}

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
  long: 'A post has at most 5,000 characters',
})

export const PostInput = z.object({ body: Body, group: optional(100), client_key: optional(100) })

export const PostEditInput = z.object({ body: Body })

/** A card that the viewer, null for someone signed out, may see. Throws NotFound. */
export async function getVisiblePost(db: Db, viewerId: string | null, id: string): Promise<PostView> {
  const post = await db.maybeOneFirst(sql.row<{ post: PostView }>()`
    select post_card(p) as post
    from posts p
    where p.id = ${id} and may_see_post(${viewerId}::bigint, p)`)
  return post ?? refuse()
}

/** One of my posts. Throws NotFound where I may not see it, Forbidden where it is somebody else's. */
export async function getOwnPost(db: Db, me: Me, id: string): Promise<{ id: string; body: string }> {
  const post = await db.maybeOne(sql.row<{ id: string; body: string; mine: boolean }>()`
    select p.id, p.body, p.author_id = ${me.id} as mine
    from posts p
    where p.id = ${id} and may_see_post(${me.id}, p)`)
  if (!post) return refuse()
  if (!post.mine) throw new Forbidden('This is somebody else’s post.')
  return { id: post.id, body: post.body }
}

/** A post that I may delete: mine, or one in a group that I own. Throws as `getOwnPost` does. */
export async function getDeletablePost(db: Db, me: Me, id: string): Promise<{ id: string; body: string }> {
  const post = await db.maybeOne(sql.row<{ id: string; body: string; allowed: boolean }>()`
    select p.id, p.body, ${mayDelete(me)} as allowed
    from posts p
    where p.id = ${id} and may_see_post(${me.id}, p)`)
  if (!post) return refuse()
  if (!post.allowed) throw new Forbidden('This is somebody else’s post.')
  return { id: post.id, body: post.body }
}

/**
 * Writes a post to my feed or to a group of mine. The same `client_key` again finds the post that was made first.
 * Throws NotFound for a group that I may not see, Invalid for one I am not a member of, and for a key that has sent
 * another text.
 */
export async function createPost(
  { db, write }: { db: Db; write: Write },
  me: Me,
  { body, group, client_key }: z.output<typeof PostInput>,
): Promise<{ post: PostView; created: boolean }> {
  const groupId = group === null ? null : await getOwnGroupId(db, me, group)
  const made = await write(async (tx) => {
    // The membership is held until the commit: nothing is posted by who has just been removed.
    const id = await tx.maybeOneFirst(sql.row<{ id: string }>()`
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
      returning id`)
    const found = await tx.maybeOne(sql.row<{ post: PostView; same: boolean }>()`
      select post_card(p) as post, p.body = ${body} and p.group_id is not distinct from ${groupId}::bigint as same
      from posts p
      where may_see_post(${me.id}, p) and p.id = coalesce(
        ${id}::bigint,
        (select first.id from posts first where first.author_id = ${me.id} and first.client_key = ${client_key})
      )`)
    return { found, created: id !== null }
  })
  if (!made.found) return refuse()
  if (!made.found.same) throw new ClientKeyReused()
  return { post: made.found.post, created: made.created }
}

/** Throws NotFound or Forbidden, as `getOwnPost` does. */
export async function editPost(
  { db, write }: { db: Db; write: Write },
  me: Me,
  id: string,
  { body }: z.output<typeof PostEditInput>,
): Promise<PostView> {
  await getOwnPost(db, me, id)
  const post = await write(async (tx) => {
    await tx.query(sql.unsafe`
      update posts p
      set body = ${body}
      where p.id = ${id} and p.author_id = ${me.id} and may_see_post(${me.id}, p)`)
    return tx.maybeOneFirst(sql.row<{ post: PostView }>()`
      select post_card(p) as post
      from posts p
      where p.id = ${id} and may_see_post(${me.id}, p)`)
  }, `posts ${id}`)
  return post ?? refuse()
}

/** Throws NotFound or Forbidden, as `getDeletablePost` does. */
export async function deletePost({ db, write }: { db: Db; write: Write }, me: Me, id: string): Promise<void> {
  await getDeletablePost(db, me, id)
  await write(
    (tx) =>
      tx.query(sql.unsafe`
      delete from posts p
      where p.id = ${id} and may_see_post(${me.id}, p) and ${mayDelete(me)}`),
    `posts ${id}`,
  )
}

/** Whether I may delete the row `p` of posts. */
function mayDelete(me: Me): FragmentSqlToken {
  return sql.fragment`(p.author_id = ${me.id} or owns_group(${me.id}, p.group_id))`
}

/** A private group that I am not in does not exist for me. */
async function getOwnGroupId(db: Db, me: Me, name: string): Promise<string> {
  const group = await db.maybeOne(sql.row<{ id: string; visibility: string; member: boolean }>()`
    select g.id, g.visibility, exists (
      select from subscriptions s where s.user_id = ${me.id} and s.feed_id = g.feed_id
    ) as member
    from groups g
    where g.name = ${foldName(name)}`)
  if (!group || (group.visibility === 'private' && !group.member)) throw new NotFound('Group not found')
  if (!group.member) throw new Invalid({ group: 'Only members of this group can post to it' })
  return group.id
}

function refuse(): never {
  throw new NotFound('This post does not exist, or not any more.')
}

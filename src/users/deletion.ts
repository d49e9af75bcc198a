import type { QuerySqlToken } from 'slonik'
import { sql, type Write } from '../lib/db.ts'
import type { Me } from '../shared/views.ts'
import { deleteUnusedPictures } from './pictures.ts'

/**
 * Rows that one transaction takes away. Each one that is told live costs a card, built while the log is locked, so a
 * chunk must not keep the others waiting.
 */
const CHUNK = 100

/**
 * Deletes an account with everything of it: likes, comments, posts, whom one follows and who follows. It signs out
 * first, so that nothing new is written meanwhile. What was cut short is finished by doing it again.
 */
export async function deleteAccount(write: Write, me: Me): Promise<void> {
  await write((tx) => tx.query(sql.unsafe`delete from sessions where user_id = ${me.id}`))
  for (const part of partsOf(me)) await inChunks(write, part)
  await write(async (tx) => {
    await tx.query(sql.unsafe`delete from users where id = ${me.id}`)
  })
  if (me.avatar !== null) await deleteUnusedPictures(write, [me.avatar])
}

/** What goes before the account itself, each statement a chunk at a time. */
function partsOf({ id, feed }: Me): QuerySqlToken[] {
  return [
    sql.unsafe`
      delete from post_likes
      where user_id = ${id}
        and post_id in (select post_id from post_likes where user_id = ${id} order by post_id limit ${CHUNK})`,
    sql.unsafe`
      delete from comment_likes
      where user_id = ${id}
        and comment_id in (
          select comment_id from comment_likes where user_id = ${id} order by comment_id limit ${CHUNK}
        )`,
    sql.unsafe`
      delete from comments
      where id in (select id from comments where author_id = ${id} order by id limit ${CHUNK})`,
    // What others said below my posts goes with them; below a lively one first, so that no chunk is much larger.
    sql.unsafe`
      delete from comments
      where id in (
        select c.id
        from posts p
        join comments c on c.post_id = p.id
        where p.author_id = ${id} and p.comment_count > ${CHUNK}
        limit ${CHUNK}
      )`,
    sql.unsafe`
      delete from posts
      where id in (select id from posts where author_id = ${id} order by id limit ${CHUNK})`,
    // A private group that nobody else is in could never be entered again.
    sql.unsafe`
      delete from posts
      where id in (
        select p.id from posts p where p.group_id in (${lonelyGroups(id)}) order by p.id limit ${CHUNK}
      )`,
    sql.unsafe`delete from groups where id in (${lonelyGroups(id)} limit ${CHUNK})`,
    sql.unsafe`
      delete from subscriptions
      where feed_id = ${feed}
        and user_id in (
          select user_id from subscriptions where feed_id = ${feed} and user_id <> ${id} limit ${CHUNK}
        )`,
    sql.unsafe`
      delete from subscriptions
      where user_id = ${id}
        and feed_id in (
          select feed_id from subscriptions where user_id = ${id} and feed_id <> ${feed} limit ${CHUNK}
        )`,
  ]
}

function lonelyGroups(id: string) {
  return sql.fragment`
    select g.id
    from subscriptions mine
    join groups g on g.feed_id = mine.feed_id
    where mine.user_id = ${id} and g.visibility = 'private'
      and not exists (select from subscriptions s where s.feed_id = g.feed_id and s.user_id <> mine.user_id)`
}

async function inChunks(write: Write, statement: QuerySqlToken): Promise<void> {
  let rows: number
  do rows = (await write((tx) => tx.query(statement))).rowCount
  while (rows > 0)
}

import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import { EmptyBody, read } from '../web/body.ts'
import type { Db, Write } from '../db/pool.ts'
import { getVisiblePost } from '../posts/posts.ts'
import type { Me } from '../shared/views.ts'
import { doneReading, backOr, json, page, requireMe, viewerId } from '../web/responses.ts'
import { getId, idList, queryText } from '../web/paths.ts'
import { HOUR, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getCommentAndPost, likeComment, listCommentLikers, unlikeComment } from './comment-likes.ts'
import { likePost, listPostLikers, listMyLikes, unlikePost } from './likes.ts'

/** For likes of posts and comments together. */
const LIKE_RATE: Rate = { key: 'likes', limit: 'likes', max: 1_000, seconds: HOUR, inMemory: true }

/** Likes and unlikes posts and comments, and lists the people who like them. */
export function likeRoutes(deps: { db: Db; write: Write; throttle: Throttle }) {
  const router = new Router<ContextState, ContextExtension>()
  const readPost = async (me: Me, id: string) => ({ post: await getVisiblePost(deps.db, me.id, id) })

  router.get('/likes', async (ctx) => {
    ctx.state.jsonOnly = true
    const me = requireMe(ctx)
    const wanted = { posts: idList(ctx.query, 'posts'), comments: idList(ctx.query, 'comments') }
    json(ctx, 200, await listMyLikes(deps.db, me, wanted))
  })

  router.post('/posts/:id/like', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    await deps.throttle(LIKE_RATE, me.id)
    const id = getId(ctx.params)
    await likePost(deps, me, id)
    await doneReading(ctx, { to: backOr(ctx, `/posts/${id}`), read: () => readPost(me, id) })
  })

  router.post('/posts/:id/unlike', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const id = getId(ctx.params)
    await unlikePost(deps, me, id)
    await doneReading(ctx, { to: backOr(ctx, `/posts/${id}`), read: () => readPost(me, id) })
  })

  router.get('/posts/:id/likers', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    page(ctx, 'posts/likers.njk', await listPostLikers(deps.db, viewerId(ctx), getId(ctx.params), before))
  })

  router.post('/comments/:id/like', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    await deps.throttle(LIKE_RATE, me.id)
    const id = getId(ctx.params)
    const { post_id } = await likeComment(deps, me, id)
    await doneReading(ctx, {
      to: backOr(ctx, `/posts/${post_id}#comment-${id}`),
      read: () => getCommentAndPost(deps.db, me.id, id),
    })
  })

  router.post('/comments/:id/unlike', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const id = getId(ctx.params)
    const { post_id } = await unlikeComment(deps, me, id)
    await doneReading(ctx, {
      to: backOr(ctx, `/posts/${post_id}#comment-${id}`),
      read: () => getCommentAndPost(deps.db, me.id, id),
    })
  })

  router.get('/comments/:id/likers', async (ctx) => {
    const before = parseBefore(queryText(ctx.query, 'before'))
    const likers = await listCommentLikers(deps.db, viewerId(ctx), getId(ctx.params), before)
    page(ctx, 'comments/likers.njk', likers)
  })

  return router
}

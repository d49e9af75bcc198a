import Router from '@koa/router'
import { addShownOwnership } from '../groups/my-groups.ts'
import { EmptyBody, read } from '../web/body.ts'
import type { Db, Write } from '../db/pool.ts'
import { done, nextOr, page, requireMe, viewerId } from '../web/responses.ts'
import { beforeId, getId, pageLimit } from '../web/paths.ts'
import { HOUR, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { EDIT_RATE } from '../posts/rates.ts'
import * as comments from './comments.ts'

const COMMENT_RATE: Rate = { key: 'comments', limit: 'posts', max: 300, seconds: 3 * HOUR }

/** Lists, creates, edits and deletes comments. */
export function commentRoutes(deps: { db: Db; write: Write; throttle: Throttle }) {
  const { db, throttle } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.get('/posts/:id/comments', async (ctx) => {
    const range = { before: beforeId(ctx.query), limit: pageLimit(ctx.query, 10) }
    const view = await comments.listComments(db, viewerId(ctx), getId(ctx.params), range)
    await addShownOwnership(db, ctx.state.me, [view.post])
    page(ctx, 'posts/comments.njk', view)
  })

  router.post('/posts/:id/comments', async (ctx) => {
    const me = requireMe(ctx)
    const id = getId(ctx.params)
    const form = { template: 'comments/new.njk' as const, context: { post: { id } } }
    const input = await read(ctx, comments.CommentInput, form)
    await throttle(COMMENT_RATE, me.id)
    const { comment, created } = await comments.createComment(deps, me, id, input)
    done(ctx, { to: nextOr(ctx, `/posts/${id}`), json: { comment }, status: created ? 201 : 200 })
  })

  router.get('/comments/:id/edit', async (ctx) => {
    const { id, post_id, body } = await comments.getOwnComment(db, requireMe(ctx), getId(ctx.params))
    page(ctx, 'comments/edit.njk', { comment: { id, post_id }, values: { body }, errors: {} })
  })

  router.post('/comments/:id/edit', async (ctx) => {
    const me = requireMe(ctx)
    const { id, post_id } = await comments.getOwnComment(db, me, getId(ctx.params))
    const form = { template: 'comments/edit.njk' as const, context: { comment: { id, post_id } } }
    const input = await read(ctx, comments.CommentEditInput, form)
    await throttle(EDIT_RATE, me.id)
    const { comment } = await comments.editComment(deps, me, id, input)
    done(ctx, { to: nextOr(ctx, `/posts/${post_id}`), json: { comment } })
  })

  router.get('/comments/:id/delete', async (ctx) => {
    const comment = await comments.getDeletableComment(db, requireMe(ctx), getId(ctx.params))
    page(ctx, 'comments/delete.njk', { comment })
  })

  router.post('/comments/:id/delete', async (ctx) => {
    const me = requireMe(ctx)
    const id = getId(ctx.params)
    await read(ctx, EmptyBody)
    const { post_id } = await comments.deleteComment(deps, me, id)
    done(ctx, {
      to: nextOr(ctx, `/posts/${post_id}`),
      flash: 'Comment deleted',
      json: { comment: { id } },
    })
  })

  return router
}

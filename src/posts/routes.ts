import Router from '@koa/router'
import { addShownOwnership } from '../groups/my-groups.ts'
import { EmptyBody, read } from '../web/body.ts'
import type { Db, Write } from '../db/pool.ts'
import { done, nextOr, page, requireMe, viewerId } from '../web/responses.ts'
import { getId } from '../web/paths.ts'
import type { Throttle } from '../web/limits/throttle.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getPostPage } from './permalink.ts'
import {
  createPost,
  deletePost,
  editPost,
  getDeletablePost,
  getOwnPost,
  PostEditInput,
  PostInput,
} from './posts.ts'
import { EDIT_RATE, POST_RATE } from './rates.ts'

/** Creates, shows, edits and deletes posts. */
export function postRoutes(deps: { db: Db; write: Write; throttle: Throttle }) {
  const { db, throttle } = deps
  const router = new Router<ContextState, ContextExtension>()

  router.post('/posts', async (ctx) => {
    const me = requireMe(ctx)
    const input = await read(ctx, PostInput, { template: 'posts/new.njk' })
    await throttle(POST_RATE, me.id)
    const { post, created } = await createPost(deps, me, input)
    done(ctx, { to: nextOr(ctx, '/'), json: { post }, status: created ? 201 : 200 })
  })

  router.get('/posts/:id', async (ctx) => {
    const view = await getPostPage(db, viewerId(ctx), getId(ctx.params))
    await addShownOwnership(db, ctx.state.me, [view.post])
    page(ctx, 'posts/show.njk', view)
  })

  router.get('/posts/:id/edit', async (ctx) => {
    const { id, body } = await getOwnPost(db, requireMe(ctx), getId(ctx.params))
    page(ctx, 'posts/edit.njk', { post: { id }, values: { body }, errors: {} })
  })

  router.post('/posts/:id/edit', async (ctx) => {
    const me = requireMe(ctx)
    const id = getId(ctx.params)
    const input = await read(ctx, PostEditInput, { template: 'posts/edit.njk', context: { post: { id } } })
    await throttle(EDIT_RATE, me.id)
    const post = await editPost(deps, me, id, input)
    done(ctx, { to: nextOr(ctx, `/posts/${id}`), json: { post } })
  })

  router.get('/posts/:id/delete', async (ctx) => {
    const post = await getDeletablePost(db, requireMe(ctx), getId(ctx.params))
    page(ctx, 'posts/delete.njk', { post })
  })

  router.post('/posts/:id/delete', async (ctx) => {
    const me = requireMe(ctx)
    const id = getId(ctx.params)
    await read(ctx, EmptyBody)
    await deletePost(deps, me, id)
    done(ctx, { to: nextOr(ctx, '/'), flash: 'Post deleted', json: { post: { id } } })
  })

  return router
}

import Router from '@koa/router'
import type { Db } from '../db/pool.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getPicture } from './pictures.ts'

/** Pictures are named by what they show, so they are kept for good. They need no session: no one's is looked up. */
export function pictureRoutes({ db }: { db: Db }) {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/images/:hash/:variant', async (ctx) => {
    const { hash = '', variant = '' } = ctx.params
    const { content_type, bytes } = await getPicture(db, hash, variant)
    ctx.set('Content-Security-Policy', "default-src 'none'; sandbox")
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
    ctx.remove('Vary')
    ctx.etag = `${hash}-${variant}`
    ctx.type = content_type
    ctx.status = 200
    if (ctx.fresh) ctx.status = 304
    else ctx.body = bytes
  })

  return router
}

import Router from '@koa/router'
import type { Db } from '../db/pool.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getPicture } from './pictures.ts'

/** Serves pictures. A URL contains the hash of the picture, so caches may keep it forever. No session is looked up. */
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

import { basename } from 'node:path'
import type Koa from 'koa'
import serve from 'koa-static'
import type { Assets } from './asset-urls.ts'

const STATIC = /^\/(build|css|icons)\/|^\/(favicon\.\w+|robots\.txt)$/
/** The name of a built file contains the hash of its content. */
const HASHED = /^\/build\/[\w.-]+-[\w-]{8}\.(js|css)$/
/** Pages of the release before hashes were part of the name request these; remove it after the next release. */
const UNHASHED = /^\/build\/(app\.js|app\.css)$/

/** Serves the files of `folder`. The build has compressed its files; `compression` lets clients get those. */
export function staticFiles(options: {
  folder: string
  assets: Assets
  compression: boolean
}): Koa.Middleware {
  const { folder, assets, compression } = options
  const files = serve(folder, { index: false, brotli: compression, gzip: compression })
  return async (ctx, next) => {
    if (!STATIC.test(ctx.path)) return next()
    const [, unhashed] = UNHASHED.exec(ctx.path) ?? []
    if (unhashed) ctx.path = assets.find(unhashed) ?? ctx.path
    const isImmutable = HASHED.test(ctx.path) && !unhashed
    ctx.set('Cache-Control', isImmutable ? 'public, max-age=31536000, immutable' : 'public, no-cache')
    await files(ctx, async () => {})
    // During a rolling deploy, another instance may have the file.
    if (ctx.status === 404) return ctx.set('Cache-Control', 'no-store')
    if (compression) ctx.vary('Accept-Encoding')
    if (isImmutable)
      ctx.etag = [basename(ctx.path), ctx.response.get('Content-Encoding')].filter(Boolean).join('-')
    if (ctx.fresh) ctx.status = 304
  }
}

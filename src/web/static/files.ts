import { basename, extname } from 'node:path'
import type Koa from 'koa'
import serve from 'koa-static'
import type { AssetStore } from './asset-store.ts'
import type { Assets } from './asset-urls.ts'

const STATIC = /^\/(build|css|icons)\/|^\/(favicon\.\w+|robots\.txt)$/
/** The name of a built file contains the hash of its content. */
const HASHED = /^\/build\/[\w.-]+-[\w-]{8}\.(js|css)$/
/** Pages of the release before hashes were part of the name request these; remove it after the next release. */
const UNHASHED = /^\/build\/(app\.js|app\.css)$/

interface Options {
  folder: string
  assets: Assets
  /** The built files of other releases. */
  store: AssetStore
  compression: boolean
}

/** Serves the files of `folder`. The build has compressed its files; `compression` lets clients get those. */
export function staticFiles({ folder, assets, store, compression }: Options): Koa.Middleware {
  const files = serve(folder, { index: false, brotli: compression, gzip: compression })
  return async (ctx, next) => {
    if (!STATIC.test(ctx.path)) return next()
    const [, unhashed] = UNHASHED.exec(ctx.path) ?? []
    if (unhashed) ctx.path = assets.find(unhashed) ?? ctx.path
    await files(ctx, async () => {})
    const isBuilt = HASHED.test(ctx.path)
    if (ctx.status === 404 && isBuilt) await serveStored(ctx, store)
    // Another instance may have the file before this one can read it.
    if (ctx.status === 404) return ctx.set('Cache-Control', 'no-store')
    const isImmutable = isBuilt && !unhashed
    ctx.set('Cache-Control', isImmutable ? 'public, max-age=31536000, immutable' : 'public, no-cache')
    if (isBuilt)
      ctx.etag = [basename(ctx.path), ctx.response.get('Content-Encoding')].filter(Boolean).join('-')
    if (compression) ctx.vary('Accept-Encoding')
    if (ctx.fresh) ctx.status = 304
  }
}

async function serveStored(ctx: Koa.Context, store: AssetStore): Promise<void> {
  const file = basename(ctx.path)
  const content = await store.find(file)
  if (content === null) return
  ctx.type = extname(file)
  ctx.body = content
}

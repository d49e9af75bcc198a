import type { RouteContext } from '../../web/context.ts'
import type { Encoding } from './block.ts'

/**
 * `fetch` of undici 8 sends this over HTTPS, whatever the caller wants, but its decoder drops all frames of a chunk
 * after the first (tried with 8.12).
 */
const UNDICI_DEFAULT = 'br, gzip, deflate, zstd'

/**
 * Chooses zstd for a client that names it in `Accept-Encoding` and does not prefer an uncompressed stream. `*` is not
 * enough: a client without a decoder for zstd may send it. A client that cannot decode the stream adds `?plain=1`.
 */
export function negotiateEncoding(ctx: RouteContext): Encoding {
  ctx.vary('Accept-Encoding')
  const accepted = ctx.get('Accept-Encoding').toLowerCase()
  if (ctx.query.plain !== undefined || accepted === UNDICI_DEFAULT || !accepted.includes('zstd')) {
    return 'identity'
  }
  return ctx.acceptsEncodings('zstd', 'identity') === 'zstd' ? 'zstd' : 'identity'
}

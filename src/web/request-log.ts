import type { Next } from 'koa'
import type { Context } from './context.ts'

/** Logs one line per request, without the query string, which may contain private data. */
export async function logRequests(ctx: Context, next: Next): Promise<void> {
  const start = performance.now()
  try {
    await next()
  } finally {
    ctx.state.log.info(
      {
        event: 'request',
        method: ctx.method,
        path: ctx.path,
        status: ctx.status,
        ms: Math.round((performance.now() - start) * 10) / 10,
        user: ctx.state.me?.id,
      },
      'request',
    )
  }
}

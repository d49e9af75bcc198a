import Router from '@koa/router'
import { read } from '../web/body.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { safePath } from '../web/paths.ts'
import { done, nextOr, page } from '../web/responses.ts'
import { setTheme, ThemeInput } from '../web/theme.ts'

/** The choice between light and dark colors, for everybody. */
export function themeRoutes() {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/theme', (ctx) => {
    page(ctx, 'theme/page.njk', { next: safePath(ctx.query.next), errors: {} })
  })

  router.post('/theme', async (ctx) => {
    const form = { template: 'theme/page.njk' as const, context: { next: '/' } }
    const { theme } = await read(ctx, ThemeInput, form)
    setTheme(ctx, theme)
    done(ctx, { to: nextOr(ctx, '/'), json: { theme } })
  })

  return router
}

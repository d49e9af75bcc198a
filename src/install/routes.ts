import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import Router from '@koa/router'
import type { ContextExtension, ContextState } from '../web/context.ts'
import type { Assets } from '../web/static/asset-urls.ts'

/** The background of the bar in light and in dark (static/css/theme.css); the browser's own bars get it too. */
const BACKGROUND = '#ffffff'
const ACCENT = '#1d5fc4'

const ICONS = [
  { src: '/icons/icon-192.png', sizes: '192x192', type: 'image/png' },
  { src: '/icons/icon-512.png', sizes: '512x512', type: 'image/png' },
  { src: '/icons/maskable-192.png', sizes: '192x192', type: 'image/png', purpose: 'maskable' },
  { src: '/icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
  { src: '/favicon.svg', sizes: 'any', type: 'image/svg+xml' },
]

interface InstallDeps {
  siteName: string
  assets: Assets
  /** The folder of the static files. */
  folder: string
}

/** What a browser needs to install the site as an app, and to show a page while the site cannot be reached. */
export function installRoutes({ siteName, assets, folder }: InstallDeps) {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/manifest.webmanifest', (ctx) => {
    ctx.set('Cache-Control', 'public, no-cache')
    ctx.type = 'application/manifest+json'
    ctx.body = JSON.stringify({
      id: '/',
      name: siteName,
      short_name: siteName,
      start_url: '/',
      scope: '/',
      display: 'standalone',
      background_color: BACKGROUND,
      theme_color: ACCENT,
      icons: ICONS,
    })
  })

  router.get('/sw.js', async (ctx) => {
    const script = await readFile(join(folder, 'build', basename(assets.url('sw.js'))), 'utf8')
    ctx.set('Cache-Control', 'no-cache')
    ctx.type = 'js'
    // The offline page names the stylesheet. With another stylesheet, browsers install the worker and the page again.
    ctx.body = `// ${assets.url('app.css')}\n${script}`
  })

  router.get('/offline', (ctx) => {
    ctx.set('Cache-Control', 'public, no-cache')
    ctx.type = 'html'
    ctx.body = ctx.state.site.render('offline.njk', {})
  })

  return router
}

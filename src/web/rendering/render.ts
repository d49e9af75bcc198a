import { join } from 'node:path'
import nunjucks from 'nunjucks'
import { createEnvironment } from '../../lib/templates.ts'
import type { FeedPage, Layout } from '../../shared/pages.ts'
import type { FeedPostView } from '../../shared/views.ts'
import type { Assets } from '../static/asset-urls.ts'
import { createCardRenderer } from './cards.ts'
import { createPieceRenderer, escapeHoles } from './pieces.ts'

export interface RendererOptions {
  siteName: string
  /** The folder of the templates. */
  templates?: string
  assets: Assets
}

/**
 * Renders a page. `context` is `Layout` with the part of `Pages` for this template.
 * @throws Error if a value is missing
 */
export type Renderer = (template: string, context: Record<string, unknown>) => string

const root = join(import.meta.dirname, '../../..')

/** Compiles each template once, at its first use. `npm run dev` restarts the process when a template changes. */
export function createRenderer({
  siteName,
  templates = join(root, 'templates'),
  assets,
}: RendererOptions): Renderer {
  const env = createEnvironment(templates)
  env.addGlobal('site', { name: siteName })
  env.addGlobal('asset', assets.url)
  env.addGlobal('cards', cardsOf(templates))
  return (template, context) => env.render(template, context)
}

/** The function `cards(posts)` of the templates: the text of `partials/post.njk` for each post. */
function cardsOf(templates: string) {
  const renderCard = createCardRenderer(createPieceRenderer(templates))
  return function cards(this: { ctx: Layout & FeedPage }, posts: FeedPostView[]) {
    const holes = escapeHoles(this.ctx)
    // Joining an array would copy the text once more.
    const text = posts.reduce((all, post) => `${all}\n${renderCard(post, this.ctx, holes)}`, '')
    return new nunjucks.runtime.SafeString(text)
  }
}

import { join } from 'node:path'
import { createEnvironment } from '../lib/templates.ts'
import type { Assets } from './asset-urls.ts'

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

const root = join(import.meta.dirname, '../..')

/** Compiles each template once, at its first use. `npm run dev` restarts the process when a template changes. */
export function createRenderer({
  siteName,
  templates = join(root, 'templates'),
  assets,
}: RendererOptions): Renderer {
  const env = createEnvironment(templates)
  env.addGlobal('site', { name: siteName })
  env.addGlobal('asset', assets.url)
  return (template, context) => env.render(template, context)
}

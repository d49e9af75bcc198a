import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import nunjucks from 'nunjucks'
import { filters } from '../shared/filters.ts'
import type { Assets } from './assets.ts'

export interface RendererOptions {
  siteName: string
  /** Folder of the templates. */
  templates?: string
  assets: Assets
}

/** Renders the template of a page, which is given `Layout` and its part of `Pages`. Throws where a value is missing. */
export type Renderer = (template: string, context: Record<string, unknown>) => string

const root = join(import.meta.dirname, '../..')

/** Compiles each template at its first use, and keeps it: `npm run dev` restarts the process when a template changes. */
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

/**
 * The environment of the pages, and of the partials that are compiled for the browser. Throws where a template prints an
 * undefined value, which is a fault of the route. Autoescape is always on.
 */
export function createEnvironment(templates: string): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader(templates, { watch: false })
  const env = new nunjucks.Environment(loader, { autoescape: true, throwOnUndefined: true })
  for (const [name, filter] of Object.entries(filters)) env.addFilter(name, filter)
  env.addGlobal('new_key', () => randomUUID())
  return env
}

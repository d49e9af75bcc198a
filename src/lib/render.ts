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
  /** Reads templates each time, for development. */
  fresh?: boolean
}

/** Renders the template of a page, which is given `Layout` and its part of `Pages`. Throws where a value is missing. */
export type Renderer = (template: string, context: Record<string, unknown>) => string

const root = join(import.meta.dirname, '../..')

/** Compiles a template when it is first asked for, and keeps what it compiled. */
export function createRenderer({
  siteName,
  templates = join(root, 'templates'),
  assets,
  fresh = false,
}: RendererOptions): Renderer {
  const env = createEnvironment(templates, fresh)
  env.addGlobal('site', { name: siteName })
  env.addGlobal('asset', assets.url)
  return (template, context) => env.render(template, context)
}

/**
 * The environment that the browser's partials are compiled with too. An undefined value that is put out is a fault
 * of the route, and is told; autoescape is never lifted.
 */
export function createEnvironment(templates: string, fresh = false): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader(templates, { noCache: fresh, watch: false })
  const env = new nunjucks.Environment(loader, { autoescape: true, throwOnUndefined: true })
  for (const [name, filter] of Object.entries(filters)) env.addFilter(name, filter)
  env.addGlobal('new_key', () => randomUUID())
  return env
}

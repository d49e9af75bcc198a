import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import nunjucks from 'nunjucks'
import { filters } from '../shared/filters.ts'

export interface RendererOptions {
  siteName: string
  /** Folder of the templates. */
  templates?: string
  /** Folder of the built assets and their manifest (see `build.ts`). */
  assets?: string
  /** Read templates and manifest anew each time, for development. */
  fresh?: boolean
}

/** Renders the template of a page, which is given `Layout` and its part of `Pages`. Throws where a value is missing. */
export type Renderer = (template: string, context: Record<string, unknown>) => string

const root = join(import.meta.dirname, '../..')

/** Compiles a template when it is first asked for, and keeps what it compiled. */
export function createRenderer({
  siteName,
  templates = join(root, 'templates'),
  assets = join(root, 'static/build'),
  fresh = false,
}: RendererOptions): Renderer {
  const env = createEnvironment(templates, fresh)
  env.addGlobal('site', { name: siteName })
  env.addGlobal('asset', assetUrls(assets, fresh))
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

/** Addresses with the content's hash, so that browsers may keep what they got for good. */
function assetUrls(folder: string, fresh: boolean): (name: string) => string {
  const read = (): Record<string, string> =>
    JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Record<string, string>
  let manifest: Record<string, string> | null = null
  return (name) => {
    if (manifest === null || fresh) manifest = read()
    const hash = manifest[name]
    if (hash === undefined) throw new Error(`No asset ${name} in ${folder}; is the browser bundle built?`)
    return `/build/${name}?v=${hash}`
  }
}

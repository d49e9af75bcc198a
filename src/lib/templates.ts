import { randomUUID } from 'node:crypto'
import nunjucks from 'nunjucks'
import { filters } from '../shared/filters.ts'

/**
 * Creates the nunjucks environment. The server renders with it, and the build compiles the partials for the browser
 * with it. Undefined values throw, because they are a bug of the route. Autoescaping is always on.
 */
export function createEnvironment(templates: string): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader(templates, { watch: false })
  const env = new nunjucks.Environment(loader, { autoescape: true, throwOnUndefined: true })
  for (const [name, filter] of Object.entries(filters)) env.addFilter(name, filter)
  env.addGlobal('new_key', () => randomUUID())
  return env
}

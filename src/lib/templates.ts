import { randomUUID } from 'node:crypto'
import nunjucks from 'nunjucks'
import { filters } from '../shared/filters.ts'

/**
 * The nunjucks environment of the server, which also compiles the partials for the browser. An undefined value is an
 * error of the route; autoescape is never switched off.
 */
export function createEnvironment(templates: string): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader(templates, { watch: false })
  const env = new nunjucks.Environment(loader, { autoescape: true, throwOnUndefined: true })
  for (const [name, filter] of Object.entries(filters)) env.addFilter(name, filter)
  env.addGlobal('new_key', () => randomUUID())
  return env
}

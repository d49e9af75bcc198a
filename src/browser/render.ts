import partials from 'koafeed:partials'
import * as runtime from 'nunjucks/src/runtime.js'
import { filters } from '../shared/filters.ts'

type Variables = Record<string, unknown>
type Done = (error: Error | null, text?: string) => void
type Task = (...given: unknown[]) => void

/**
 * What compiled templates need of a nunjucks environment, so that the other nine tenths of it need not be loaded.
 * A test holds its output against the server's, byte for byte.
 */
const env = {
  opts: { autoescape: true },
  getFilter: (name: string) => filters[name as keyof typeof filters],
  getTemplate(name: string, _eager: unknown, _parent: unknown, _lenient: unknown, done: Task) {
    const render = (variables: Variables, frame: runtime.Frame, rendered: Done): void =>
      rendered(null, renderIn(name, variables, frame.push(true)))
    done(null, { render })
  },
  waterfall(tasks: Task[], done: () => void) {
    const next =
      (i: number): Task =>
      (_error, ...given) => {
        const task = tasks[i]
        if (task) task(...given, next(i + 1))
        else done()
      }
    next(0)(null)
  },
}

/** Renders `templates/partials/NAME.njk` as the server does. */
export function renderPartial(name: string, variables: Variables): string {
  return renderIn(`partials/${name}.njk`, variables, new runtime.Frame())
}

function renderIn(path: string, given: Variables, frame: runtime.Frame): string {
  const variables = { ...given }
  const context = {
    lookup: (name: string) => variables[name],
    setVariable: (name: string, value: unknown) => void (variables[name] = value),
    getVariables: () => variables,
    addExport: () => {},
  }
  frame.topLevel = true
  const root = partials[path]
  if (!root) throw new Error(`No partial ${path}`)
  let output = ''
  root(env, context, frame, runtime, (error, text = '') => {
    if (error) throw error
    output = text
  })
  return output
}

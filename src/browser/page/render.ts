import partials from 'koafeed:partials'
import { filters } from '../../shared/filters.ts'
import * as runtime from './template-runtime.ts'

type Variables = Record<string, unknown>

/**
 * The part of a nunjucks environment that compiled partials use (`assets/partials.ts` rewrites their includes). The
 * browser build of nunjucks is not used: it has 12 kB with gzip, and the whole script may have 20 kB.
 * `test/browser/partials.test.ts` compares the output with the server's, byte for byte.
 */
const env = {
  opts: { autoescape: true },
  getFilter: (name: string) => filters[name as keyof typeof filters],
  include(path: string, variables: Variables, frame: runtime.Frame, use: (text: string) => void): void {
    use(renderIn(path, variables, frame.push(true)))
  },
}

/** Renders `templates/partials/NAME.njk` with the same result as the server. */
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
  root(env, context, frame, runtime, (_error, text) => (output = text))
  return output
}

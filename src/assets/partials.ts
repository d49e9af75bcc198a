import type { Plugin } from 'rolldown'
import { compilePartials } from '../lib/partials.ts'

const NAME = 'koafeed:partials'

/**
 * A bundler plugin for `import partials from 'koafeed:partials'` in browser code. It compiles each file of
 * `templates/partials/` to a function, so that the content security policy needs no `unsafe-eval`.
 */
export function partialsPlugin(templates: string): Plugin {
  return {
    name: 'partials',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null
      return moduleOf(compilePartials(templates))
    },
  }
}

function moduleOf(partials: Map<string, string>): string {
  const entries = [...partials].map(([name, code]) => `${JSON.stringify(name)}: ${code}`)
  return `export default {\n${entries.join(',\n')}\n}\n`
}

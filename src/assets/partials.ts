import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { compilePartials } from '../lib/partials.ts'

/**
 * An esbuild plugin for `import partials from 'koafeed:partials'` in browser code. It compiles each file of
 * `templates/partials/` to a function, so that the content security policy needs no `unsafe-eval`.
 */
export function partialsPlugin(templates: string): Plugin {
  return {
    name: 'partials',
    setup(build) {
      build.onResolve({ filter: /^koafeed:partials$/ }, ({ path }) => ({ path, namespace: 'partials' }))
      build.onLoad({ filter: /.*/, namespace: 'partials' }, () => ({
        contents: moduleOf(compilePartials(templates)),
        loader: 'js',
        watchDirs: [join(templates, 'partials')],
      }))
    },
  }
}

function moduleOf(partials: Map<string, string>): string {
  const entries = [...partials].map(([name, code]) => `${JSON.stringify(name)}: ${code}`)
  return `export default {\n${entries.join(',\n')}\n}\n`
}

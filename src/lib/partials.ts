import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import nunjucks from 'nunjucks'
import { createEnvironment } from './render.ts'

/**
 * Lets the browser's code `import partials from 'koafeed:partials'`: each file of `templates/partials/` compiled to a
 * function, so that the page evaluates no text as code and the content security policy needs no exception.
 */
export function partialsPlugin(templates: string): Plugin {
  return {
    name: 'partials',
    setup(build) {
      build.onResolve({ filter: /^koafeed:partials$/ }, ({ path }) => ({ path, namespace: 'partials' }))
      build.onLoad({ filter: /.*/, namespace: 'partials' }, async () => ({
        contents: await compilePartials(templates),
        loader: 'js',
        watchDirs: [join(templates, 'partials')],
      }))
    },
  }
}

async function compilePartials(templates: string): Promise<string> {
  const env = createEnvironment(templates)
  const files = (await readdir(join(templates, 'partials')))
    .filter((file) => file.endsWith('.njk'))
    .toSorted()
  const compiled = await Promise.all(
    files.map(async (file) => {
      const name = `partials/${file}`
      const source = await readFile(join(templates, name), 'utf8')
      return nunjucks.precompileString(source, { name, env, wrapper: asFunction })
    }),
  )
  return `export default {\n${compiled.join(',\n')}\n}\n`
}

/** nunjucks compiles to `function root(…) {…} return { root: root };` */
const asFunction: NonNullable<nunjucks.PrecompileOptions['wrapper']> = (templates) =>
  // The type names one template; what comes is a list of them.
  [templates]
    .flat()
    .map(({ name, template }) => `${JSON.stringify(name)}: (() => {\n${slim(template)}\n})().root`)
    .join(',\n')

/** Without what no partial asks for: exports, line numbers, and the counters of a loop but its first and last. */
function slim(template: string): string {
  return template
    .replace(/if\(frame\.topLevel\) \{\ncontext\.addExport\(.*\);\n\}\n/g, '')
    .replace(/,\d+,\d+\), env\.opts\.autoescape\)/g, '), env.opts.autoescape)')
    .replace(/frame\.set\("loop\.(index|index0|revindex|revindex0|length)", .*\);\n/g, '')
}

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import nunjucks from 'nunjucks'
import { createEnvironment } from '../lib/templates.ts'

/**
 * An esbuild plugin for `import partials from 'koafeed:partials'` in browser code. It compiles each file of
 * `templates/partials/` to a function, so that the content security policy needs no `unsafe-eval`.
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

/** nunjucks generates `function root(…) {…} return { root: root };`. */
const asFunction: NonNullable<nunjucks.PrecompileOptions['wrapper']> = (templates) =>
  // The type says one template, but nunjucks passes a list.
  [templates]
    .flat()
    .map(({ name, template }) => `${JSON.stringify(name)}: (() => {\n${simplify(template)}\n})().root`)
    .join(',\n')

/**
 * Removes code that partials do not need: exports, line numbers, the parent template, and loop variables except
 * `loop.first` and `loop.last`. Replaces the asynchronous tasks of an include with one call of `env.include`.
 */
function simplify(template: string): string {
  return template
    .replace(/if\(frame\.topLevel\) \{\ncontext\.addExport\(.*\);\n\}\n/g, '')
    .replace(/,\d+,\d+\), env\.opts\.autoescape\)/g, '), env.opts.autoescape)')
    .replace(/frame\.set\("loop\.(index|index0|revindex|revindex0|length)", .*\);\n/g, '')
    .replace(INCLUDE, 'env.include($1, context.getVariables(), frame, function(result){\noutput += result;')
    .replace(/var (lineno|colno) = 0;\n|(lineno|colno) = \d+, /g, '')
    .replace('try {\nvar parentTemplate = null;\n', '')
    .replace(/if\(parentTemplate\) \{\n.*\n\} else \{\n(cb\(null, output\);)\n\}/, '$1')
    .replace(/\} catch \(e\) \{\n.*\n\}\n\}/, '}')
}

const INCLUDE =
  /var tasks = \[\];\ntasks\.push\(\nfunction\(callback\) \{\nenv\.getTemplate\(("[^"]+"),[\s\S]*?env\.waterfall\(tasks, function\(\)\{/g

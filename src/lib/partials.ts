import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import nunjucks from 'nunjucks'
import { createEnvironment } from './templates.ts'

/**
 * Compiles each file of `templates/partials/`. Returns, by the name that includes use (`partials/post.njk`), JavaScript
 * that evaluates to the function of the template. These functions need only a small part of nunjucks:
 * `env.opts.autoescape`, `env.getFilter` and `env.include`.
 */
export function compilePartials(templates: string): Map<string, string> {
  const env = createEnvironment(templates)
  const files = readdirSync(join(templates, 'partials')).filter((file) => file.endsWith('.njk'))
  return new Map(
    files.toSorted().map((file) => {
      const name = `partials/${file}`
      const source = readFileSync(join(templates, name), 'utf8')
      return [name, nunjucks.precompileString(source, { name, env, wrapper: asFunction })]
    }),
  )
}

/** nunjucks generates `function root(…) {…} return { root: root };`. */
const asFunction: NonNullable<nunjucks.PrecompileOptions['wrapper']> = (templates) =>
  // The type says one template, but nunjucks passes a list.
  [templates]
    .flat()
    .map(({ template }) => `(() => {\n${simplify(template)}\n})().root`)
    .join()

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

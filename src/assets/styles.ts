import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { transform } from 'lightningcss'
import { PurgeCSS } from 'purgecss'

/** The site's own rules in `static/css/`, in the order of the cascade. */
const OWN = ['theme', 'base', 'bar', 'people', 'forms', 'posts', 'comments']

/** Builds the stylesheet: the used parts of Bootstrap, then the site's own rules. */
export async function styles(root: string, { minify }: { minify: boolean }): Promise<string> {
  const bootstrap = await readFile(join(root, 'node_modules/bootstrap/dist/css/bootstrap.min.css'), 'utf8')
  const own = await Promise.all(OWN.map((name) => readFile(join(root, `static/css/${name}.css`), 'utf8')))
  const [purged] = await new PurgeCSS().purge({
    content: [join(root, 'templates/**/*.njk'), join(root, 'src/browser/**/*.ts')],
    css: [{ raw: bootstrap }],
    safelist: { greedy: [/data-bs-theme/] },
    variables: true,
  })
  const css = followSystemTheme(purged?.css ?? '') + own.join('\n')
  const { code } = transform({ filename: 'app.css', code: Buffer.from(css), minify })
  return Buffer.from(code).toString()
}

/**
 * Adds Bootstrap's dark mode, which requires an attribute, for systems with a dark color scheme, unless the reader chose
 * light. `:where` keeps the specificity of Bootstrap's selector.
 */
function followSystemTheme(css: string): string {
  return css.replace(
    /([^{}]*)\[data-bs-theme=dark\]([^{}]*)\{([^{}]*)\}/g,
    (rule, before: string, after: string, body: string) =>
      before.trim() === ''
        ? `${rule}@media(prefers-color-scheme:dark){:root:where(:not([data-bs-theme=light]))${after}{${body}}}`
        : rule,
  )
}

/** A test imports this into an instance: it logs each template that nunjucks compiles. */
import nunjucks from 'nunjucks'

type Compile = (
  source: string,
  filters: unknown[],
  extensions: unknown[],
  name: string,
  ...rest: unknown[]
) => string

const { compiler } = nunjucks as unknown as { compiler: { compile: Compile } }
const { compile } = compiler
compiler.compile = (source, filters, extensions, name, ...rest) => {
  console.log(`compiled ${name}`)
  return compile(source, filters, extensions, name, ...rest)
}

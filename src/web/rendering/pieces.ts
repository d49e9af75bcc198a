import nunjucks from 'nunjucks'
import { compilePartials } from '../../lib/partials.ts'
import { filters } from '../../shared/filters.ts'

/** The values that a cached partial leaves open: the viewer's token, and the path of the page. */
export const HOLES = ['csrf', 'path'] as const
export type HoleName = (typeof HOLES)[number]
export type HoleValues = Record<HoleName, string>

/** Rendered HTML that ends at each hole: `html[0] holes[0] html[1] holes[1] … html[n]`. */
export interface Pieces {
  html: string[]
  holes: HoleName[]
}

/** Renders a partial. The variables have no value for the holes. */
export type PieceRenderer = (name: string, variables: Record<string, unknown>) => Pieces

/** Fills the holes. The values must be escaped: see `escapeHoles`. */
export function fill({ html, holes }: Pieces, values: HoleValues): string {
  let text = html[0]!
  for (let i = 0; i < holes.length; i++) text += values[holes[i]!] + html[i + 1]!
  return text
}

/** Escapes the values for `fill`. */
export function escapeHoles(values: HoleValues): HoleValues {
  return { csrf: escape(values.csrf), path: escape(values.path) }
}

const { escape } = nunjucks.lib as unknown as { escape(text: string): string }

const runtime = nunjucks.runtime as unknown as {
  SafeString: new (text: string) => object
  Frame: new () => Frame
}

interface Frame {
  topLevel: boolean
  push(isolateWrites: boolean): Frame
}

/** nunjucks does not convert a SafeString, so the output contains this object. No text can be mistaken for it. */
class Hole extends runtime.SafeString {
  readonly hole: HoleName

  constructor(hole: HoleName) {
    super('')
    this.hole = hole
  }

  override toString(): string {
    throw new Error(`A cached partial must output ${this.hole} as it is`)
  }

  override valueOf(): string {
    return this.toString()
  }
}

type Output = (string | Hole)[]
type Root = (
  env: unknown,
  context: unknown,
  frame: Frame,
  runtime: unknown,
  done: (error: null, output: Output) => void,
) => void

/** Compiles `templates/partials/` so that the output is a list instead of a text. */
export function createPieceRenderer(templates: string): PieceRenderer {
  const holes = Object.fromEntries(HOLES.map((name) => [name, new Hole(name)]))
  const roots = new Map([...compilePartials(templates)].map(([name, code]) => [name, evaluate(code)]))
  const env = {
    opts: { autoescape: true },
    getFilter: (name: string) => filters[name as keyof typeof filters],
    include(path: string, variables: object, frame: Frame, use: (output: Output) => void): void {
      use(renderIn(path, variables, frame.push(true)))
    },
  }

  function renderIn(path: string, given: object, frame: Frame): Output {
    const variables: Record<string, unknown> = { ...given }
    const context = {
      lookup: (name: string) => variables[name],
      setVariable: (name: string, value: unknown) => void (variables[name] = value),
      getVariables: () => variables,
    }
    frame.topLevel = true
    let result: Output = []
    roots.get(path)!(env, context, frame, runtime, (_error, output) => (result = output))
    return result
  }

  return (name, variables) =>
    join(renderIn(`partials/${name}.njk`, { ...variables, ...holes }, new runtime.Frame()))
}

/** Each statement of the compiled template that adds to its output is one line. */
function evaluate(code: string): Root {
  const listed = code
    .replaceAll('var output = "";', 'var output = [];')
    .replace(/^output \+= result;/gm, 'output.push(...result);')
    .replace(/^output \+= (.*);$/gm, 'output.push($1);')
  if (/^\s*output \+=/m.test(listed)) throw new Error('nunjucks compiles templates in a new way')
  // oxlint-disable-next-line typescript/no-implied-eval -- the code of this project's own templates
  return new Function(`return ${listed}`)() as Root
}

function join(output: Output): Pieces {
  const pieces: Pieces = { html: [''], holes: [] }
  for (const part of output) {
    if (part instanceof Hole) {
      pieces.holes.push(part.hole)
      pieces.html.push('')
    } else pieces.html[pieces.html.length - 1] += part
  }
  return pieces
}

/**
 * The functions that compiled partials call, as in nunjucks/src/runtime.js 3.2.4. That file, with what it imports, has 2.8 kB
 * with gzip, which is a seventh of what a page may load. `test/browser/partials.test.ts` compares the output of all
 * partials with the server's, byte for byte.
 */
type Values = Record<string, unknown>

/** The variables of a block, and those of the blocks around it. */
export class Frame {
  topLevel = false
  private readonly variables: Values = Object.create(null) as Values
  private readonly parent: Frame | undefined
  private readonly isolateWrites: boolean

  constructor(parent?: Frame, isolateWrites = false) {
    this.parent = parent
    this.isolateWrites = isolateWrites
  }

  set(name: string, value: unknown, resolveUp = false): void {
    const [first = '', second] = name.split('.') // `loop.first`
    const { variables } = (resolveUp && this.resolve(first, true)) || this
    if (second === undefined) variables[first] = value
    else Object.assign((variables[first] ??= {}) as Values, { [second]: value })
  }

  get(name: string): unknown {
    return this.variables[name] ?? null
  }

  lookup(name: string): unknown {
    const value = this.variables[name]
    return value === undefined ? this.parent?.lookup(name) : value
  }

  resolve(name: string, forWrite = false): Frame | undefined {
    if (this.variables[name] !== undefined) return this
    return forWrite && this.isolateWrites ? undefined : this.parent?.resolve(name)
  }

  push(isolateWrites = false): Frame {
    return new Frame(this, isolateWrites)
  }

  pop(): Frame | undefined {
    return this.parent
  }
}

export function contextOrFrameLookup(
  context: { lookup(name: string): unknown },
  frame: Frame,
  name: string,
): unknown {
  const value = frame.lookup(name)
  return value === undefined ? context.lookup(name) : value
}

export function memberLookup(object: Values | null | undefined, name: string): unknown {
  const value = object?.[name]
  return typeof value === 'function' ? value.bind(object) : value
}

export function callWrap(fn: unknown, name: string, context: unknown, args: unknown[]): unknown {
  if (typeof fn !== 'function') throw new Error(`${name} is not a function`)
  return fn.apply(context, args)
}

export function ensureDefined(value: unknown): unknown {
  if (value === null || value === undefined) throw new Error('A partial outputs an undefined value')
  return value
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
  '\\': '&#92;',
}

/** Compiled partials output texts only, never strings that are marked as safe. */
export function suppressValue(value: string | number | boolean | null | undefined): string {
  return String(value ?? '').replace(/[&"'<>\\]/g, (character) => ENTITIES[character]!)
}

export function fromIterator(list: unknown): unknown {
  return typeof list === 'object' && list !== null && Symbol.iterator in list
    ? [...(list as unknown[])]
    : list
}

export function inOperator(key: unknown, list: unknown): boolean {
  if (typeof list === 'string' || Array.isArray(list)) return (list as unknown[]).includes(key)
  return typeof list === 'object' && list !== null && String(key) in list
}

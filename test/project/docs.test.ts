import { expect } from 'chai'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { createRouters } from '../../src/app.ts'
import { PayloadSchemas } from '../../src/stream/log/events.ts'
import { streamRoutes } from '../../src/stream/routes.ts'
import { installRoutes } from '../../src/install/routes.ts'
import { pictureRoutes } from '../../src/pictures/routes.ts'

const root = join(import.meta.dirname, '../..')
const read = (name: string) => readFileSync(join(root, 'docs', name), 'utf8')

/** Events that are not rows of the log: the instance itself writes them. */
const ControlSchemas = {
  reset: z.strictObject({}),
  beat: z.strictObject({}),
  gone: z.strictObject({ page: z.string() }),
}
const schemas: Record<string, z.ZodType> = { ...PayloadSchemas, ...ControlSchemas }

describe('docs/http.md', () => {
  it('lists every route of the routers, and no others', () => {
    // `app.ts` and the metrics server answer these without a router.
    const others = ['GET /livez', 'GET /metrics', 'GET /readyz']
    const routers = [...createRouters({} as never), pictureRoutes({} as never), installRoutes({} as never)]
    expect(documentedRoutes(read('http.md'))).to.deep.equal([...routers.flatMap(routesOf), ...others].sort())
  })

  it('shows JSON that parses', () => {
    const blocks = [...read('http.md').matchAll(/^```json\n(.*?)^```$/gms)]
    for (const [, json = ''] of blocks) JSON.parse(json)
    expect(blocks).to.have.lengthOf.at.least(4)
  })
})

describe('docs/stream.md', () => {
  const text = read('stream.md')
  const examples = examplesOf(text)

  it('lists every route of a stream, and no others', () => {
    expect(documentedRoutes(text)).to.deep.equal(routesOf(streamRoutes({} as never)).sort())
  })

  it('has an example of every event and action of the code, and of no others', () => {
    const documented = new Set(examples.map(({ event, payload }) => nameOf(event, payload.action)))
    const known = Object.entries(schemas).flatMap(([event, schema]) =>
      actionsOf(schema).map((action) => nameOf(event, action)),
    )
    expect([...documented].sort()).to.deep.equal([...new Set(known)].sort())
  })

  it('shows payloads that the schemas accept, under the heading of their action', () => {
    for (const { event, action, payload } of examples) {
      const result = (schemas[event] ?? z.never()).safeParse(payload)
      const fault = result.success ? '' : `${nameOf(event, action)}: ${z.prettifyError(result.error)}`
      expect(fault).to.equal('')
      if (action !== undefined) expect(payload.action, event).to.equal(action)
    }
  })

  it('shows a like of a post and of a comment', () => {
    const likes = examples.filter(({ event }) => event === 'like')
    const kinds = likes.map(({ payload }) => `${payload.action} ${payload.comment_id ? 'comment' : 'post'}`)
    expect(kinds.sort()).to.deep.equal(['added comment', 'added post', 'removed comment', 'removed post'])
  })
})

describe('the documents', () => {
  it('name only files that exist', () => {
    const planned = new Set(['test/posts/pins.test.ts']) // the worked example of CONTRIBUTING.md
    const missing = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).flatMap((document) => {
      const text = readFileSync(join(root, document), 'utf8')
      const paths = text.match(
        /\b(src|sql|test|templates|migrations|bench|conformance)\/[\w./-]*\.(ts|sql|njk|pl)\b/g,
      )
      return (paths ?? []).filter((path) => !path.includes('NNNN') && !existsSync(join(root, path)))
    })
    expect(missing.filter((path) => !planned.has(path))).to.deep.equal([])
  })
})

/** The routes in the first column of the document's tables: `| `GET /posts/:id` | …`. */
function documentedRoutes(text: string): string[] {
  return [...text.matchAll(/^\| `([A-Z]+ \/[^`]*)`/gm)].map(([, route = '']) => route).sort()
}

/** Koa's router answers HEAD wherever it answers GET. */
function routesOf({ stack }: { stack: { methods: string[]; path: string | RegExp }[] }): string[] {
  return stack.flatMap(({ methods, path }) =>
    methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${String(path)}`),
  )
}

interface Example {
  event: string
  /** As the heading has it. */
  action: string | undefined
  payload: { action?: string; comment_id?: string }
}

/** Each block of JSON under a heading like ``### `user` `` or ``#### `post` `created` ``. */
function examplesOf(text: string): Example[] {
  const sections = text.split(/^(?=#{1,6} )/m)
  return sections.flatMap((section) => {
    const [, event, action] = /^#+ `(\w+)`(?: `(\w+)`)?/.exec(section) ?? []
    if (event === undefined) return []
    if (!(event in schemas))
      throw new Error(`docs/stream.md describes ${event}, which the code does not have`)
    return [...section.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) => ({
      event,
      action,
      payload: JSON.parse(json) as Example['payload'],
    }))
  })
}

/** The values of `action` that the schema allows; undefined for an event without actions. */
function actionsOf(schema: z.ZodType): (string | undefined)[] {
  const { anyOf, ...whole } = z.toJSONSchema(schema)
  return (anyOf ?? [whole]).flatMap(({ properties }) => {
    const action = properties?.action
    if (typeof action !== 'object') return [undefined]
    return (action.enum ?? [action.const]) as string[]
  })
}

function nameOf(event: string, action: string | undefined): string {
  return action === undefined ? event : `${event} ${action}`
}

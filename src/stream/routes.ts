import Router from '@koa/router'
import { BadRequest, Forbidden, NotFound, Unavailable } from '../lib/errors.ts'
import { networkOf } from '../web/address.ts'
import { errorFacts } from '../lib/log.ts'
import { foldName, isId } from '../web/paths.ts'
import { withinDeadline } from '../db/deadline.ts'
import { createEndlessResponse } from '../web/http-server/endless-response.ts'
import type { RouteContext, ContextExtension, ContextState } from '../web/context.ts'
import type { Backlog } from './clients/backlog.ts'
import { createConnection } from './clients/connection.ts'
import { negotiateEncoding } from './encoding/negotiate.ts'
import { openStream, type OpenDeps, type StreamRequest } from './open.ts'
import { replay } from './replay/replay.ts'
import type { Page } from './rights.ts'
import type { Viewer } from './clients/subscriber.ts'

/** Pages that one stream may add: about as many tabs as a person has open. */
const MAX_WITH = 50

export interface StreamRouteDeps extends OpenDeps {
  /** The blocks that wait for the clients of this instance. */
  backlog: Backlog
  /** Finds the viewer by the session cookie; null for an anonymous client. */
  identify(ctx: RouteContext): Promise<Viewer | null>
  /** Whether this instance is shutting down. Another one must serve new streams. */
  isDraining(): boolean
}

/**
 * The streams that docs/stream.md describes. `?with=` adds pages. `?as=` is the id of the user for whom the page was
 * rendered: a request without the session of that user gets 401.
 */
export function streamRoutes(deps: StreamRouteDeps): Router<ContextState, ContextExtension> {
  async function stream(ctx: RouteContext, home: boolean, own: Page[]): Promise<void> {
    ctx.state.jsonOnly = true
    if (ctx.get('Sec-Fetch-Site') === 'cross-site') throw new Forbidden()
    if (deps.isDraining()) throw new Unavailable('This instance is shutting down.', 1)
    const request: StreamRequest = {
      home,
      pages: own,
      joined: readWith(ctx),
      cursor: readCursor(ctx),
      as: ctx.query.as === undefined ? undefined : String(ctx.query.as),
      identify: () => deps.identify(ctx),
      network: networkOf(ctx.ip),
    }
    const connection = createConnection(createEndlessResponse(ctx.res), negotiateEncoding(ctx), {
      ...deps,
      counts: deps.hub.counts,
    })
    const subscriber = await withinDeadline(() => openStream(deps, request, connection))
    // The stream writes to the response from here on, so Koa must not end it.
    ctx.respond = false
    // The instance began to drain while the rights were being read, and ended only the streams that were open.
    if (deps.isDraining()) connection.end()
    // A stream that was reset starts somewhere else.
    const isResumed = subscriber.cursor() === request.cursor
    try {
      const source = await replay(deps, subscriber)
      if (isResumed) deps.hub.counts.resumes[source] += 1
    } catch (error) {
      // The client reconnects with its cursor.
      ctx.state.log.warn({ event: 'stream cut', error: errorFacts(error) }, 'stream cut')
      connection.destroy()
    }
  }

  return new Router<ContextState, ContextExtension>()
    .get('/stream', (ctx) => stream(ctx, true, []))
    .get('/public/stream', (ctx) => stream(ctx, false, [toPage('public')]))
    .get('/users/:username/stream', (ctx) => stream(ctx, false, [toPage('users', ctx.params.username)]))
    .get('/groups/:name/stream', (ctx) => stream(ctx, false, [toPage('groups', ctx.params.name)]))
    .get('/posts/:id/stream', (ctx) => stream(ctx, false, [toPage('posts', ctx.params.id)]))
}

/** @throws NotFound if `key` cannot belong to a page of this kind */
function toPage(kind: Page['kind'], key?: string): Page {
  const page = findPage(kind, key)
  if (page === null) throw new NotFound()
  return page
}

/** Returns null if `key` cannot belong to a page of this kind. */
function findPage(kind: Page['kind'], key = ''): Page | null {
  if (kind === 'public') return { kind, key: '' }
  if (kind === 'posts') return isId(key) ? { kind, key } : null
  const name = foldName(key)
  return name === null ? null : { kind, key: name }
}

function readWith(ctx: RouteContext): Map<string, Page | null> {
  const wanted = [ctx.query.with ?? []].flat()
  if (wanted.length > MAX_WITH) throw new BadRequest(`A stream takes at most ${MAX_WITH} pages.`)
  const pages = wanted.map((path): [string, Page | null] => {
    const [, kind, key] = /^(public|users|groups|posts)(?:\/([^/]+))?$/.exec(path) ?? []
    if (kind === undefined) throw new BadRequest('with= takes public, users/NAME, groups/NAME or posts/ID.')
    return [path, findPage(kind as Page['kind'], key)]
  })
  return new Map(pages)
}

/** Reads `Last-Event-ID`, else `?after=`. A browser that reconnects repeats the old URL, so the header has priority. */
function readCursor(ctx: RouteContext): number | null {
  const given = ctx.get('Last-Event-ID') || [ctx.query.after ?? []].flat().join()
  if (given === '') return null
  // Above 2^53 the number is inexact, but newer than any log, so the client gets a reset.
  if (!/^(0|[1-9]\d{0,18})$/.test(given)) throw new BadRequest('Invalid event id.')
  return Number(given)
}

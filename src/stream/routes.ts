import Router from '@koa/router'
import { BadRequest, Forbidden, NotFound, Unauthorized } from '../lib/errors.ts'
import { networkOf } from '../lib/address.ts'
import { errorFacts } from '../lib/log.ts'
import { isId } from '../lib/paths.ts'
import { spend } from '../lib/patience.ts'
import type { RouteVisit, VisitContext, VisitState } from '../lib/visit.ts'
import { createConnection } from './connection.ts'
import { isTellable, openStream, type OpenDeps, type Opening } from './open.ts'
import type { Page, Wanted } from './rights.ts'
import type { Seats } from './seats.ts'
import type { Rights, Viewer } from './subscriber.ts'

/** Pages that one stream may add to its own: about as many tabs as a person has open. */
const MAX_WITH = 50

export interface StreamDeps extends OpenDeps {
  /** Whose session the request carries; null for none. */
  identify(ctx: RouteVisit): Promise<Viewer | null>
  /** Topics of what is wanted; null where some of it is not to be had. */
  authorise(wanted: Wanted): Promise<Rights | null>
  seats: Seats
}

/**
 * The streams of DESIGN's contract. `?with=` adds pages to any of them; `?as=` names the user whose page this is, so that
 * a page whose session is over, or another person's by now, is told 401.
 */
export function streamRoutes(deps: StreamDeps): Router<VisitState, VisitContext> {
  async function stream(ctx: RouteVisit, home: boolean, own: Page[]): Promise<void> {
    ctx.state.program = true
    if (ctx.get('Sec-Fetch-Site') === 'cross-site') throw new Forbidden()
    const cursor = readCursor(ctx)
    const pages = [...own, ...readWith(ctx)]
    const opening = await spend(() => prepare(ctx, home, pages, cursor))
    const connection = createConnection(ctx.res)
    deps.seats.take(opening.viewer?.id ?? null, networkOf(ctx.ip), connection)
    // From here the response is the stream's own; Koa must not end it.
    ctx.respond = false
    try {
      await openStream(deps, connection, opening)
    } catch (error) {
      // In the middle of what was missed: the client comes back with its cursor.
      ctx.state.log.warn({ event: 'stream cut', error: errorFacts(error) }, 'stream cut')
      connection.destroy()
    }
  }

  /** All that has to be asked before the answer begins. Throws Unauthorized and NotFound. */
  async function prepare(
    ctx: RouteVisit,
    home: boolean,
    pages: Page[],
    cursor: number | null,
  ): Promise<Opening> {
    const rewinds = deps.hub.rewinds()
    // Settled before the position is taken: what is read of the viewer after it is no older than the cursor.
    const tellable = await isTellable(deps, cursor)
    const asOf = deps.hub.position()
    const viewer = await deps.identify(ctx)
    if (home && viewer === null) throw new Unauthorized()
    if (ctx.query.as !== undefined && ctx.query.as !== viewer?.id) throw new Unauthorized()
    const rights = await deps.authorise({ viewerId: viewer?.id ?? null, home, pages })
    if (rights === null) throw new NotFound()
    return { viewer, home, rights, cursor, tellable, asOf, rewinds }
  }

  return new Router<VisitState, VisitContext>()
    .get('/stream', (ctx) => stream(ctx, true, []))
    .get('/public/stream', (ctx) => stream(ctx, false, [toPage('public')]))
    .get('/users/:username/stream', (ctx) => stream(ctx, false, [toPage('users', ctx.params.username)]))
    .get('/groups/:name/stream', (ctx) => stream(ctx, false, [toPage('groups', ctx.params.name)]))
    .get('/posts/:id/stream', (ctx) => stream(ctx, false, [toPage('posts', ctx.params.id)]))
}

/** Throws NotFound for what cannot be the key of such a page. */
function toPage(kind: Page['kind'], key = ''): Page {
  if (kind === 'public') return { kind, key }
  if (kind === 'posts') {
    if (!isId(key)) throw new NotFound()
    return { kind, key }
  }
  const name = key.toLowerCase()
  if (!/^[a-z0-9_]{3,15}$/.test(name)) throw new NotFound()
  return { kind, key: name }
}

function readWith(ctx: RouteVisit): Page[] {
  const wanted = [ctx.query.with ?? []].flat()
  if (wanted.length > MAX_WITH) throw new BadRequest(`A stream takes at most ${MAX_WITH} pages.`)
  return wanted.map((path) => {
    const [, kind, key] = /^(public|users|groups|posts)(?:\/([^/]+))?$/.exec(path) ?? []
    if (kind === undefined) throw new BadRequest('with= takes public, users/NAME, groups/NAME or posts/ID.')
    return toPage(kind as Page['kind'], key)
  })
}

/** `Last-Event-ID`, else `?after=`; the header wins because a browser that reconnects repeats the old address. */
function readCursor(ctx: RouteVisit): number | null {
  const given = ctx.get('Last-Event-ID') || [ctx.query.after ?? []].flat().join()
  if (given === '') return null
  // Beyond 2^53 the number is inexact, and newer than any log: such a client is told to reload.
  if (!/^(0|[1-9]\d{0,18})$/.test(given)) throw new BadRequest('This is not the number of an event.')
  return Number(given)
}

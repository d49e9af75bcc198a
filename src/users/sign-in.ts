import type Koa from 'koa'
import { createSession } from 'koa-session'
import type { Caches } from '../caches/caches.ts'
import { createValues, type Values } from '../caches/values.ts'
import type { Db, Write } from '../db/pool.ts'
import { networkOf } from '../web/address.ts'
import { clearVisitorData } from '../web/visitor-session.ts'
import type { Context, ContextExtension, ContextState } from '../web/context.ts'
import type { UserView } from '../shared/views.ts'
import { userNotFound, type AuthenticatedUser } from './authentication.ts'
import * as sessions from './sessions.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Sessions that one instance keeps; about 1 kB each. */
const MAX_SESSIONS = 10_000

interface SessionDeps {
  db: Db
  write: Write
  caches: Caches
}

type SessionCache = Values<sessions.SignedIn>

/** Finds the session of the cookie and sets `ctx.state.me`. */
export function sessionMiddleware(
  app: Koa<ContextState, ContextExtension>,
  { config, ...deps }: SessionDeps & { config: { publicOrigin: string | null } },
): Koa.Middleware<ContextState, ContextExtension> {
  const cache = createSessionCache(deps)
  const options = {
    key: sessions.sessionCookieName(config),
    // The database decides when a session expires; the cookie must only last as long.
    maxAge: 30 * DAY_MS,
    // The id has 256 random bits, so a signature would add nothing.
    signed: false,
    httpOnly: true,
    sameSite: 'lax',
    secure: config.publicOrigin?.startsWith('https:') ?? false,
    genid: () => sessions.newSessionId(),
    store: createStore(deps, cache),
  }
  const loadSession = createSession(options, app)
  return (ctx, next) =>
    loadSession(ctx, async () => {
      await next()
      if (ctx.method === 'POST' && CHANGES_ME.test(ctx.path)) cache.delete(ctx.cookies.get(options.key) ?? '')
    })
}

/**
 * Requests that change what the session holds of its user. The next request to this instance reads it again, and does
 * not depend on the event having arrived.
 */
const CHANGES_ME = /^\/(settings|groups|admin)\b/

/**
 * Creates a session with a new id and ends the previous one.
 * @throws Invalid if the password has changed since it was verified.
 */
export async function signIn(
  ctx: Context,
  { feed_id, password_version, ...user }: AuthenticatedUser,
): Promise<void> {
  if (!ctx.session) throw new Error('signIn requires the session middleware')
  ctx.session.user = user.id
  ctx.state.signingIn = { passwordVersion: password_version }
  try {
    await ctx.session.regenerate()
  } catch (error) {
    ctx.session = null
    throw error
  } finally {
    delete ctx.state.signingIn
  }
  clearVisitorData(ctx)
  ctx.state.me = { ...user, feed: feed_id, owns: [] }
  ctx.state.log.info({ event: 'signed in', user: user.id }, 'signed in')
}

/** Ends the session on every instance and asks the browser to clear its cache. */
export function signOut(ctx: Context, me: UserView): void {
  ctx.session = null
  ctx.state.me = null
  clearVisitorData(ctx)
  ctx.set('Clear-Site-Data', '"cache"')
  ctx.state.log.info({ event: 'signed out', user: me.id }, 'signed out')
}

/** Who is signed in, mostly without a statement: the log says when a session has ended, or its user has changed. */
function createSessionCache({ caches, ...deps }: SessionDeps): SessionCache {
  return createValues({
    caches,
    name: 'sessions',
    read: (id) => sessions.readSession(deps, id),
    hasChanged: ({ me: { id } }, { seq, changes: { rights, names } }) =>
      rights.changedAfter(id, seq) || names.changedAfter(`user:${id}`, seq),
    max: MAX_SESSIONS,
  })
}

async function findSession(cache: SessionCache, id: string): Promise<sessions.SignedIn | null> {
  return sessions.isSessionId(id) ? cache.get(id) : null
}

/** koa-session's store. A session holds only the id of its user, so a request that neither signs in nor out saves nothing. */
function createStore({ write }: SessionDeps, cache: SessionCache) {
  return {
    async get(id: string, _maxAge: unknown, { ctx }: { ctx?: Context }) {
      const found = await findSession(cache, id)
      if (ctx && found) setMe(ctx, cache, id, found)
      else if (ctx) ctx.state.isSessionEnded = true
      return found && { user: found.me.id }
    },
    async set(id: string, { user }: { user?: string }, _maxAge: unknown, { ctx }: { ctx?: Context }) {
      if (!ctx?.state.signingIn || user === undefined) return
      const client = { ...clientOf(ctx), ...ctx.state.signingIn }
      if (!(await sessions.insertSession(write, id, { user, ...client }))) throw userNotFound()
      ctx.state.csrf = sessions.csrfOf(id)
    },
    async destroy(id: string) {
      await sessions.endSession(write, id)
      cache.delete(id)
    },
  }
}

function setMe(ctx: Context, cache: SessionCache, id: string, found: sessions.SignedIn | null): void {
  Object.assign(ctx.state, {
    // A copy, because requests change it.
    me: found && { ...found.me, owns: [...found.me.owns] },
    session: found?.session,
    csrf: found?.csrf,
    async updateMe() {
      if (found === null || !cache.isOutdated(found)) return false
      setMe(ctx, cache, id, await findSession(cache, id))
      return true
    },
  })
}

/** Address and browser, by which users recognize a session in their settings. */
function clientOf(ctx: Context) {
  return {
    address: networkOf(ctx.ip) === 'unknown' ? '' : ctx.ip.replace(/^::ffff:/, ''),
    userAgent: ctx.get('user-agent').slice(0, 300),
  }
}

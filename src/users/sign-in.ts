import type Koa from 'koa'
import { createSession } from 'koa-session'
import { networkOf } from '../web/address.ts'
import { newToken } from '../web/csrf.ts'
import type { Db, Write } from '../db/pool.ts'
import { errorFacts } from '../lib/log.ts'
import { clearGuestData } from '../web/visitor-session.ts'
import type { Context, ContextExtension, ContextState } from '../web/context.ts'
import type { UserView } from '../shared/views.ts'
import { userNotFound, type AuthenticatedUser } from './authentication.ts'
import * as sessions from './sessions.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Loads the session of the cookie, sets `ctx.state.me`, and saves the session if the request has changed it. */
export function sessionMiddleware(
  app: Koa<ContextState, ContextExtension>,
  { db, write, config }: { db: Db; write: Write; config: { publicOrigin: string | null } },
): Koa.Middleware<ContextState, ContextExtension> {
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
    store: createStore({ db, write }),
  }
  return createSession(options, app)
}

/**
 * Creates a session with a new id and ends the previous one.
 * @throws Invalid if the password has changed since it was verified.
 */
export async function signIn(
  ctx: Context,
  { feed_id, password_version, ...user }: AuthenticatedUser,
): Promise<void> {
  if (!ctx.session) throw new Error('signIn requires the session middleware')
  Object.assign(ctx.session, { user: user.id, csrf: newToken(), flash: [] })
  ctx.state.signingIn = { passwordVersion: password_version }
  try {
    await ctx.session.regenerate()
  } catch (error) {
    ctx.session = null
    throw error
  } finally {
    delete ctx.state.signingIn
  }
  clearGuestData(ctx)
  ctx.state.me = { ...user, feed: feed_id, owns: [] }
  ctx.state.log.info({ event: 'signed in', user: user.id }, 'signed in')
}

/** Ends the session on every instance and asks the browser to clear its cache. */
export function signOut(ctx: Context, me: UserView): void {
  ctx.session = null
  ctx.state.me = null
  ctx.set('Clear-Site-Data', '"cache"')
  ctx.state.log.info({ event: 'signed out', user: me.id }, 'signed out')
}

function createStore({ db, write }: { db: Db; write: Write }) {
  return {
    async get(id: string, _maxAge: unknown, { ctx }: { ctx?: Context }) {
      const loaded = await sessions.loadSession({ db, write }, id)
      if (ctx) Object.assign(ctx.state, { me: loaded?.me ?? null, session: loaded?.session })
      return loaded?.data
    },
    async set(id: string, record: SessionRecord, _maxAge: unknown, { ctx }: { ctx?: Context }) {
      const { _expire, _maxAge: _, ...data } = record
      if (ctx?.state.signingIn) {
        const client = { ...clientOf(ctx), ...ctx.state.signingIn }
        if (!(await sessions.insertSession(write, id, data, client))) throw userNotFound()
      } else if (ctx?.state.me && isRead(ctx)) {
        // A page only removes the flash messages that it has shown. If this is not saved, they appear once more.
        await sessions.updateSession(write, id, data, { skipLocked: true }).catch((error: unknown) => {
          ctx.state.log.warn({ event: 'session not saved', error: errorFacts(error) }, 'session not saved')
        })
      } else if (ctx?.state.me) await sessions.updateSession(write, id, data)
    },
    async destroy(id: string) {
      await sessions.endSession(write, id)
    },
  }
}

function isRead({ method }: Context): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Address and browser, by which users recognize a session in their settings. */
function clientOf(ctx: Context) {
  return {
    address: networkOf(ctx.ip) === 'unknown' ? '' : ctx.ip.replace(/^::ffff:/, ''),
    userAgent: ctx.get('user-agent').slice(0, 300),
  }
}

/** koa-session adds two properties, which are not saved: the table has a column for the expiry. */
interface SessionRecord extends sessions.SessionData {
  _expire?: number
  _maxAge?: number
}

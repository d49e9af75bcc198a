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

/** Finds the session that a cookie opens, with `ctx.state.me`, and saves what changed in it. */
export function sessionMiddleware(
  app: Koa<ContextState, ContextExtension>,
  { db, write, config }: { db: Db; write: Write; config: { publicOrigin: string | null } },
): Koa.Middleware<ContextState, ContextExtension> {
  const options = {
    key: sessions.sessionCookieName(config),
    // The database decides when a session is over; the cookie only has to last as long.
    maxAge: 30 * DAY_MS,
    // The id is 256 random bits: a signature would add nothing.
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
 * Opens a session under a new id and ends the one that it replaces. Throws Invalid if the password has changed since it
 * was verified.
 */
export async function signIn(
  ctx: Context,
  { feed_id, password_version, ...user }: AuthenticatedUser,
): Promise<void> {
  if (!ctx.session) throw new Error('signing in needs the session middleware')
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

/** Ends the session on every instance, and asks the browser to forget the pages it kept. */
export function signOut(ctx: Context, me: UserView): void {
  ctx.session = null
  ctx.state.me = null
  ctx.set('Clear-Site-Data', '"cache"')
  ctx.state.log.info({ event: 'signed out', user: me.id }, 'signed out')
}

function createStore({ db, write }: { db: Db; write: Write }) {
  return {
    async get(id: string, _maxAge: unknown, { ctx }: { ctx?: Context }) {
      const open = await sessions.loadSession({ db, write }, id)
      if (ctx) Object.assign(ctx.state, { me: open?.me ?? null, session: open?.session })
      return open?.facts
    },
    async set(id: string, facts: SessionRecord, _maxAge: unknown, { ctx }: { ctx?: Context }) {
      const { _expire, _maxAge: _, ...kept } = facts
      if (ctx?.state.signingIn) {
        const client = { ...whereFrom(ctx), ...ctx.state.signingIn }
        if (!(await sessions.insertSession(write, id, kept, client))) throw userNotFound()
      } else if (ctx?.state.me && isRead(ctx)) {
        // A page changes only which messages it has shown. If that cannot be saved, they show once more.
        await sessions.updateSession(write, id, kept, { skipLocked: true }).catch((error: unknown) => {
          ctx.state.log.warn({ event: 'session not saved', error: errorFacts(error) }, 'session not saved')
        })
      } else if (ctx?.state.me) await sessions.updateSession(write, id, kept)
    },
    async destroy(id: string) {
      await sessions.endSession(write, id)
    },
  }
}

function isRead({ method }: Context): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** What the person is shown of the session later, to tell it from the others. */
function whereFrom(ctx: Context) {
  return {
    address: networkOf(ctx.ip) === 'unknown' ? '' : ctx.ip.replace(/^::ffff:/, ''),
    userAgent: ctx.get('user-agent').slice(0, 300),
  }
}

/** koa-session adds two facts of its own, which the table's columns hold better. */
interface SessionRecord extends sessions.SessionData {
  _expire?: number
  _maxAge?: number
}

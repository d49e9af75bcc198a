import type { RouterContext } from '@koa/router'
import type Koa from 'koa'
import type { Logger } from 'pino'
import type { Theme } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import type { FilledForm } from '../lib/errors.ts'
import type { Renderer } from './rendering/render.ts'

/** Data of a visitor that lasts from one request to the next. */
export interface VisitorData {
  csrf?: string
  flash?: string[]
  /** The username that the visitor has just registered, for the form to sign in. */
  registered?: string
  /** Whether the home page asks for name and picture, until the person answers. */
  welcome?: boolean
}

/** The session of a signed-in user, as koa-session provides it. */
export interface Session {
  user?: string
  regenerate(): Promise<void>
}

/** The parts of the site that every response needs. */
export interface Site {
  render: Renderer
  /** PUBLIC_ORIGIN; null means the scheme and Host of the request. */
  origin: string | null
}

export interface ContextState {
  site: Site
  requestId: string
  log: Logger
  me: Me | null
  /** Whether the request has the cookie of a session that has ended. A sign-out removes the cookie. */
  isSessionEnded?: boolean
  theme: Theme
  /** The id of the session of a signed-in user. */
  session?: string
  /** The CSRF token of the session. */
  csrf?: string
  /**
   * Updates `me` and the session if an event has changed them since the request began. Returns whether one has: the
   * session may have ended. Set only for requests with a session.
   */
  updateMe?(): Promise<boolean>
  /** The visitor's data in the cookie, after it has been read. */
  visitor?: VisitorData
  /** The submitted form, which is shown again if a value is invalid. */
  form?: FilledForm
  /** The path that the form wants to be redirected to. */
  next?: string
  /** The route has no HTML page, so errors are JSON, whatever the client accepts. */
  jsonOnly?: boolean
  /** Set while a sign-in creates its session. The session store inserts no session otherwise. */
  signingIn?: { passwordVersion: number }
}

export interface ContextExtension {
  session: Session | null
}

/** Koa's context of a request, with the state of this site. */
export type Context = Koa.ParameterizedContext<ContextState, ContextExtension>

/** The context inside a route, with the parameters of the path. */
export type RouteContext = RouterContext<ContextState, ContextExtension>

import type { RouterContext } from '@koa/router'
import type Koa from 'koa'
import type { Logger } from 'pino'
import type { Me } from '../shared/views.ts'
import type { FilledForm } from '../lib/errors.ts'
import type { Renderer } from './render.ts'

/** What the site remembers of a visitor from one request to the next. */
export interface VisitorData {
  csrf?: string
  flash?: string[]
}

/** The session of someone signed in, as koa-session hands it over. */
export interface Session extends VisitorData {
  user?: string
  regenerate(): Promise<void>
}

/** The site as every answer needs it. */
export interface Site {
  render: Renderer
  /** Scheme and host that people use, or null: then the request's Host counts. */
  origin: string | null
}

export interface ContextState {
  site: Site
  requestId: string
  log: Logger
  me: Me | null
  /** Number of the session of someone signed in. */
  session?: string
  /** The memory of someone signed out, once it has been read from their cookie. */
  guest?: VisitorData
  /** The form that is being filled in: shown again when a value is refused. */
  form?: FilledForm
  /** Where the form asked to be led afterwards. */
  next?: string
  /** Only programs come here, whatever they accept: refusals are JSON, and lead to no page. */
  jsonOnly?: boolean
  /** Set while a sign-in makes its session: only then does the store insert one. */
  signingIn?: { passwordVersion: number }
}

export interface ContextExtension {
  session: Session | null
}

/** A request and its answer, with what the middleware of this site adds to Koa's context. */
export type Context = Koa.ParameterizedContext<ContextState, ContextExtension>

/** The same inside a route, where the path has parameters. */
export type RouteContext = RouterContext<ContextState, ContextExtension>

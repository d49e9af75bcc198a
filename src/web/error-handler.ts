import type { Next } from 'koa'
import * as slonik from 'slonik'
import { networkOf } from './address.ts'
import {
  BadRequest,
  Forbidden,
  Invalid,
  MethodNotAllowed,
  NotFound,
  HttpError,
  TooMany,
  Unauthorized,
  Unavailable,
} from '../lib/errors.ts'
import { html, json, seeOther, wantsJson } from './responses.ts'
import { errorFacts } from '../lib/log.ts'
import { safePath } from './paths.ts'
import type { Context } from './context.ts'

/**
 * The one place where errors become answers. It stands outside everything that may fail, because Koa's own handler drops
 * the headers set so far. Nobody is told more than a message and the id under which the log knows the rest.
 */
export async function errorHandler(ctx: Context, next: Next): Promise<void> {
  try {
    await next()
    if (ctx.respond !== false && ctx.status >= 400 && ctx.body == null) throw refusalOf(ctx.status)
  } catch (error) {
    const refusal = toHttpError(error)
    note(ctx, refusal, error)
    // A stream that is under way has no other way to say that it ended badly.
    if (ctx.respond === false || ctx.headerSent) ctx.res.destroy()
    else answer(ctx, refusal)
  }
}

/** What a person is told of an error. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (isDatabaseAway(error)) return new Unavailable()
  // What a change was about has gone meanwhile.
  if (error instanceof slonik.ForeignKeyIntegrityConstraintViolationError) return new NotFound()
  const status = (error as { status?: unknown } | null)?.status
  if (typeof status === 'number' && status >= 400 && status < 500) return refusalOf(status)
  return new HttpError(500, 'internal', 'Something went wrong here. Please try again.')
}

function refusalOf(status: number): HttpError {
  if (status === 404) return new NotFound()
  if (status === 405) return new MethodNotAllowed()
  if (status === 400) return new BadRequest()
  if (status === 403) return new Forbidden()
  return new HttpError(status, 'refused', 'This request was refused.')
}

const AWAY = [
  slonik.ConnectionError,
  slonik.StatementTimeoutError,
  slonik.StatementCancelledError,
  slonik.IdleTransactionTimeoutError,
  slonik.BackendTerminatedError,
  slonik.BackendTerminatedUnexpectedlyError,
  slonik.UnexpectedForeignConnectionError,
  slonik.UnexpectedStateError,
]

/**
 * Connection refused or lost, shutting down, too many connections, a deadlock, a lock or a statement that took too
 * long, a queue of notifications that is full (54000).
 */
function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (AWAY.some((kind) => error instanceof kind)) return true
  const { code } = error as { code?: unknown }
  if (/^(08|53|54000|57P|40|55P03)|^(ECONN|EPIPE|ETIMEDOUT|EAI_)/.test(String(code))) return true
  return isDatabaseAway(error.cause)
}

function note(ctx: Context, refusal: HttpError, error: unknown): void {
  if (refusal.status >= 500) ctx.state.log.error({ event: 'failure', error: errorFacts(error) }, 'failure')
  else if (refusal instanceof TooMany) {
    const { limit, retryAfter } = refusal
    ctx.state.log.warn({ event: 'throttled', limit, retryAfter, address: networkOf(ctx.ip) }, 'throttled')
  } else if (refusal.status === 403) {
    ctx.state.log.warn({ event: 'refused', status: refusal.status, reason: refusal.message }, 'refused')
  }
}

function answer(ctx: Context, refusal: HttpError): void {
  const { status, code, message, fields, retryAfter } = refusal
  if (retryAfter !== null) ctx.set('Retry-After', String(retryAfter))
  if (wantsJson(ctx)) return json(ctx, status, { error: { code, message, fields } })
  if (refusal instanceof Unauthorized) return seeOther(ctx, signInPath(ctx))
  const asked = refusal instanceof Invalid ? (refusal.form ?? ctx.state.form) : ctx.state.form
  // What says which field it is about can be mended in the form.
  const form = refusal instanceof Invalid || Object.keys(fields).length > 0 ? asked : undefined
  if (form) return html(ctx, status, form.template, { ...form.context, errors: fields }, [])
  errorPage(ctx, status, message)
}

/** Back to the page after signing in; what a form wanted to change is not done on its own. */
function signInPath(ctx: Context): string {
  const here = ctx.method === 'GET' ? safePath(ctx.path + ctx.search) : '/'
  return here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`
}

function errorPage(ctx: Context, status: number, message: string): void {
  try {
    html(ctx, status, 'error.njk', { status, message, request_id: ctx.state.requestId }, [])
  } catch (error) {
    ctx.state.log.error({ event: 'failure', error: errorFacts(error) }, 'the error page fails too')
    ctx.status = status
    ctx.type = 'text'
    ctx.body = `${message} (${ctx.state.requestId})\n`
  }
}

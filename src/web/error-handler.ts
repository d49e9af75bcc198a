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
 * Middleware that turns errors into responses, instead of Koa's own handler, which removes the headers set so far. The
 * response contains only a message and the request id; the details are in the log.
 */
export async function errorHandler(ctx: Context, next: Next): Promise<void> {
  try {
    await next()
    if (ctx.respond !== false && ctx.status >= 400 && ctx.body == null) throw errorOfStatus(ctx.status)
  } catch (error) {
    const httpError = toHttpError(error)
    logError(ctx, httpError, error)
    // After the headers have been sent, only a closed connection can signal an error.
    if (ctx.respond === false || ctx.headerSent) ctx.res.destroy()
    else respond(ctx, httpError)
  }
}

/** Returns the error that the client sees. Internal errors become a general message. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (isDatabaseUnavailable(error)) return new Unavailable()
  // The row that the change refers to has been deleted in the meantime.
  if (error instanceof slonik.ForeignKeyIntegrityConstraintViolationError) return new NotFound()
  const status = (error as { status?: unknown } | null)?.status
  if (typeof status === 'number' && status >= 400 && status < 500) return errorOfStatus(status)
  return new HttpError(500, 'internal', 'Something went wrong. Please try again.')
}

function errorOfStatus(status: number): HttpError {
  if (status === 404) return new NotFound()
  if (status === 405) return new MethodNotAllowed()
  if (status === 400) return new BadRequest()
  if (status === 403) return new Forbidden()
  return new HttpError(status, 'refused', 'This request was refused.')
}

const UNAVAILABLE = [
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
 * Whether trying again may help: the connection was refused or lost, the server shuts down or has too many connections,
 * a deadlock, a lock or statement timeout, or a full notification queue (54000).
 */
function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (UNAVAILABLE.some((kind) => error instanceof kind)) return true
  const { code } = error as { code?: unknown }
  if (/^(08|53|54000|57P|40|55P03)|^(ECONN|EPIPE|ETIMEDOUT|EAI_)/.test(String(code))) return true
  return isDatabaseUnavailable(error.cause)
}

function logError(ctx: Context, httpError: HttpError, error: unknown): void {
  if (httpError.status >= 500) ctx.state.log.error({ event: 'failure', error: errorFacts(error) }, 'failure')
  else if (httpError instanceof TooMany) {
    const { limit, retryAfter } = httpError
    ctx.state.log.warn({ event: 'throttled', limit, retryAfter, address: networkOf(ctx.ip) }, 'throttled')
  } else if (httpError.status === 403) {
    ctx.state.log.warn({ event: 'refused', status: httpError.status, reason: httpError.message }, 'refused')
  }
}

function respond(ctx: Context, error: HttpError): void {
  const { status, code, message, fields, retryAfter } = error
  if (retryAfter !== null) ctx.set('Retry-After', String(retryAfter))
  if (wantsJson(ctx)) return json(ctx, status, { error: { code, message, fields } })
  if (error instanceof Unauthorized) return seeOther(ctx, signInPath(ctx))
  const form = (error instanceof Invalid && error.form) || ctx.state.form
  const errors = formErrors(error)
  if (form && errors) return html(ctx, status, form.template, { ...form.context, errors }, [])
  errorPage(ctx, status, message)
}

/**
 * The messages that a form shows when it is shown again: beside the fields that the error names, or above the form if
 * the same text can be sent again later. Null if the form cannot help: the error then has a page of its own.
 */
function formErrors(error: HttpError): Record<string, string> | null {
  if (error instanceof Invalid || Object.keys(error.fields).length > 0) return error.fields
  return error instanceof TooMany || error instanceof Unavailable ? { form: error.message } : null
}

/** After signing in, the visitor returns to the page of a GET request. A POST is not repeated. */
function signInPath(ctx: Context): string {
  const path = ctx.method === 'GET' ? safePath(ctx.path + ctx.search) : '/'
  return path === '/' ? '/login' : `/login?next=${encodeURIComponent(path)}`
}

function errorPage(ctx: Context, status: number, message: string): void {
  try {
    html(ctx, status, 'error.njk', { status, message, request_id: ctx.state.requestId }, [])
  } catch (error) {
    ctx.state.log.error({ event: 'failure', error: errorFacts(error) }, 'the error page failed too')
    ctx.status = status
    ctx.type = 'text'
    ctx.body = `${message} (${ctx.state.requestId})\n`
  }
}

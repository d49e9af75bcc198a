import type { Pages } from '../shared/pages.ts'

/** An error with a message for the user. One middleware (web/error-handler.ts) turns it into a response. */
export class HttpError extends Error {
  readonly status: number
  /** `error.code` in JSON responses. */
  readonly code: string
  /** Messages by field of the form. */
  readonly fields: Record<string, string>
  /** Seconds to wait before the next attempt; null if another attempt cannot help. */
  readonly retryAfter: number | null
  constructor(
    status: number,
    code: string,
    message: string,
    { fields = {}, retryAfter = null }: { fields?: Record<string, string>; retryAfter?: number | null } = {},
  ) {
    super(message)
    this.name = new.target.name
    this.status = status
    this.code = code
    this.fields = fields
    this.retryAfter = retryAfter
  }
}

export class BadRequest extends HttpError {
  constructor(message = 'This request is invalid.') {
    super(400, 'bad_request', message)
  }
}

/** The visitor is not signed in. HTML requests are redirected to /login. */
export class Unauthorized extends HttpError {
  constructor(message = 'Please sign in first.') {
    super(401, 'unauthorized', message)
  }
}

export class Forbidden extends HttpError {
  constructor(message = 'You are not allowed to do this.', fields: Record<string, string> = {}) {
    super(403, 'forbidden', message, { fields })
  }
}

/** The requested page or row does not exist, or the viewer may not know that it exists. */
export class NotFound extends HttpError {
  constructor(message = 'This does not exist, or it has been deleted.') {
    super(404, 'not_found', message)
  }
}

export class MethodNotAllowed extends HttpError {
  constructor(message = 'This page does not support this kind of request.') {
    super(405, 'method_not_allowed', message)
  }
}

export class TooLarge extends HttpError {
  constructor(message = 'This is too large.', fields: Record<string, string> = {}) {
    super(413, 'too_large', message, { fields })
  }
}

export class UnsupportedMedia extends HttpError {
  constructor(message = 'Please send a form or JSON.', fields: Record<string, string> = {}) {
    super(415, 'unsupported_media', message, { fields })
  }
}

/** Fields have invalid values. HTML requests get the form again, with a message at each field. */
export class Invalid extends HttpError {
  readonly form: FilledForm | null
  constructor(fields: Record<string, string>, form: FilledForm | null = null) {
    super(422, 'invalid', Object.values(fields)[0] ?? 'This cannot be saved.', { fields })
    this.form = form
  }
}

/** A submitted form that can be shown again. `context` is the context of its template, without `errors`. */
export interface FilledForm {
  template: keyof Pages
  context: Record<string, unknown>
}

export class TooMany extends HttpError {
  /** The key of the rate limit, for the log. */
  readonly limit: string
  constructor(message: string, retryAfter: number, limit: string) {
    super(429, 'too_many', message, { retryAfter })
    this.limit = limit
  }
}

/** A resource is busy or not available at the moment. Trying again may help. */
export class Unavailable extends HttpError {
  constructor(message = 'The site is busy. Please try again in a moment.', retryAfter = 2) {
    super(503, 'unavailable', message, { retryAfter })
  }
}

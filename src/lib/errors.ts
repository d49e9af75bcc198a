import type { Pages } from '../shared/pages.ts'

/** A refusal in words for the person who asked; one middleware (lib/failures.ts) turns it into a response. */
export class HttpError extends Error {
  readonly status: number
  /** What programs read, in `error.code`. */
  readonly code: string
  readonly fields: Record<string, string>
  /** Seconds after which it is worth trying again. */
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
  constructor(message = 'This request could not be understood.') {
    super(400, 'bad_request', message)
  }
}

/** Nobody is signed in: pages lead to /login. */
export class Unauthorized extends HttpError {
  constructor(message = 'Please sign in first.') {
    super(401, 'unauthorized', message)
  }
}

export class Forbidden extends HttpError {
  constructor(message = 'You may not do this.', fields: Record<string, string> = {}) {
    super(403, 'forbidden', message, { fields })
  }
}

/** It does not exist, or the viewer may not know that it does. */
export class NotFound extends HttpError {
  constructor(message = 'There is nothing here.') {
    super(404, 'not_found', message)
  }
}

export class MethodNotAllowed extends HttpError {
  constructor(message = 'This address does not take such a request.') {
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

/** A message for each field that needs another value; the form that was filled in is shown again. */
export class Invalid extends HttpError {
  readonly form: FilledForm | null
  constructor(fields: Record<string, string>, form: FilledForm | null = null) {
    super(422, 'invalid', Object.values(fields)[0] ?? 'This cannot be saved.', { fields })
    this.form = form
  }
}

/** Where a form is shown again: its template and what that is given besides `errors`. */
export interface FilledForm {
  template: keyof Pages
  context: Record<string, unknown>
}

export class TooMany extends HttpError {
  /** Which limit it was, for the log. */
  readonly limit: string
  constructor(message = 'That was too often. Please wait a while.', retryAfter = 60, limit = '') {
    super(429, 'too_many', message, { retryAfter })
    this.limit = limit
  }
}

/** Something this answer needs is busy or away; trying again helps. */
export class Unavailable extends HttpError {
  constructor(message = 'The site is busy. Please try again in a moment.', retryAfter = 2) {
    super(503, 'unavailable', message, { retryAfter })
  }
}

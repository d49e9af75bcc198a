import { csrfToken, fromJson, setCsrfToken } from './page.ts'
import type { Me } from '../../shared/views.ts'
import { toast, type Link } from './status.ts'

/** For whom the page was rendered. The server refuses the requests if somebody else has signed in since. */
const viewerId = fromJson<Me | null>(document.body.dataset.me, null)?.id

/** The server refused a request, or (status 0) did not answer it. */
export class RequestError extends Error {
  readonly status: number
  /** A message for each wrong field of the form. */
  readonly fields: Record<string, string>
  constructor(status: number, message: string, fields: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.fields = fields
  }
}

interface ErrorBody {
  error?: { message?: string; fields?: Record<string, string> }
}

/**
 * Fetches JSON. With `after`, a cursor of the stream, the state is not older than this event.
 * @throws RequestError if the status is not 2xx, or if there is no response within 20 s.
 */
export async function get<T>(path: string, after?: string): Promise<T> {
  const headers: Record<string, string> = after ? { 'Last-Event-ID': after } : {}
  const body = await request<T & { csrf?: string }>(path, { headers })
  // The token changes when the viewer signs in again in another tab.
  if (body.csrf) setCsrfToken(body.csrf)
  return body
}

/**
 * Posts JSON and returns the response; with `minimal`, it is empty, which is cheaper for the server.
 * @throws RequestError if the status is not 2xx, or if there is no response within 20 s.
 */
export function post<T>(path: string, body: Record<string, string> = {}, minimal = false): Promise<T> {
  return request(path, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-CSRF-Token': csrfToken(),
      ...(minimal && { Prefer: 'return=minimal' }),
    },
    body: JSON.stringify(body),
  })
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const headers: Record<string, string> = {
    ...(init.headers as Record<string, string>),
    Accept: 'application/json',
    ...(viewerId && { 'X-As': viewerId }),
  }
  const response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(20_000) }).catch(() => {
    throw new RequestError(0, 'No connection. Please try again.')
  })
  const body = (await response.json().catch(() => ({}))) as T & ErrorBody
  if (response.ok) return body
  const { message = `Something went wrong (error ${response.status}).`, fields } = body.error ?? {}
  throw new RequestError(response.status, message, fields)
}

/** Shows why a request failed. Adds a link to the sign-in page if signing in can help. */
export function showError(error: unknown): void {
  const { status, message } = toRequestError(error)
  if (status === 401 || status === 403) toast(message, signInLink())
  else toast(message)
}

/**
 * Returns a RequestError as it is. Any other error is a fault of the script: logs it, and returns a general message.
 */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  console.error(error)
  return new RequestError(0, 'Something went wrong. Please reload the page.')
}

/** A link to the sign-in page that returns to this page. */
export function signInLink(): Link {
  return {
    text: 'Sign in',
    href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`,
  }
}

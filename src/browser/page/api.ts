import { csrfToken, setCsrfToken } from './page.ts'
import { toast, type Link } from './status.ts'

/** The server said no, or (status 0) nothing at all. */
export class Refused extends Error {
  readonly status: number
  readonly fields: Record<string, string>
  constructor(status: number, message: string, fields: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.fields = fields
  }
}

interface Failure {
  error?: { message?: string; fields?: Record<string, string> }
}

/** Reads a page as JSON. Throws Refused. */
export async function get<T>(path: string): Promise<T> {
  const answer = await call<T & { csrf?: string }>(path, {})
  // The token changes when someone signs in anew in another tab.
  if (answer.csrf) setCsrfToken(answer.csrf)
  return answer
}

/** Sends a change. Throws Refused. */
export function post<T>(path: string, body: Record<string, string> = {}): Promise<T> {
  return call(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrfToken() },
    body: JSON.stringify(body),
  })
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const headers = { ...(init.headers as Record<string, string>), Accept: 'application/json' }
  const response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(20_000) }).catch(() => {
    throw new Refused(0, 'No connection. Nothing is lost: try again.')
  })
  const answer = (await response.json().catch(() => ({}))) as T & Failure
  if (response.ok) return answer
  const { message = `The server answered ${response.status}.`, fields } = answer.error ?? {}
  throw new Refused(response.status, message, fields)
}

/** Says why something did not work; where signing in helps, with the way there. */
export function tellRefusal(error: unknown): void {
  const { status, message } = asRefused(error)
  if (status === 401 || status === 403) toast(message, signIn())
  else toast(message)
}

export function asRefused(error: unknown): Refused {
  if (error instanceof Refused) return error
  console.error(error)
  return new Refused(0, 'Something went wrong on this page. Please load it again.')
}

export function signIn(): Link {
  return {
    text: 'Sign in',
    href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`,
  }
}

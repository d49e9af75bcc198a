import { keepSecret } from './secrets.ts'

export interface TestResponse {
  status: number
  headers: Headers
  text: string
  // Each test knows what it expects.
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any
  /** Path and query of a redirect's target. */
  location: string | null
}

export interface PostOptions {
  type?: 'json' | 'form'
  /** Null sends no token. If it is undefined, the session's token is read and sent. */
  csrf?: string | null
  accept?: string
  headers?: Record<string, string>
}

export interface Client {
  origin: string
  get(path: string, options?: { accept?: string; headers?: Record<string, string> }): Promise<TestResponse>
  /** `FormData` is for uploads. */
  post(path: string, body?: Record<string, unknown> | FormData, options?: PostOptions): Promise<TestResponse>
  /** Returns the CSRF token of this session. */
  csrf(): Promise<string>
  /** Returns the value of the Cookie header, for example for `openStream`. */
  cookie(): string
  /** Returns a client of another origin with the same cookies. */
  at(origin: string): Client
  register(username: string, password?: string): Promise<Client>
  login(username: string, password?: string): Promise<TestResponse>
}

export const password = 'correct horse battery'

/**
 * Returns an HTTP client that keeps cookies, prefers JSON and does not follow redirects. `origin` may be a function,
 * for a client of an instance that has not started yet.
 */
export function client(origin: string | (() => string), jar = new Map<string, string>()): Client {
  let token: string | null = null

  async function send(
    method: string,
    path: string,
    init: { headers: Record<string, string>; body?: BodyInit },
  ) {
    const headers = new Headers(init.headers)
    if (jar.size > 0) headers.set('cookie', cookie())
    const body = init.body === undefined ? {} : { body: init.body }
    const response = await fetch(new URL(path, self.origin), { method, headers, redirect: 'manual', ...body })
    for (const line of response.headers.getSetCookie()) storeCookie(jar, line)
    return toTestResponse(response)
  }

  function cookie() {
    return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  const self: Client = {
    get origin() {
      return typeof origin === 'string' ? origin : origin()
    },
    cookie,
    get: (path, { accept = 'application/json', headers = {} } = {}) =>
      send('GET', path, { headers: { accept, ...headers } }),
    async csrf() {
      token ??= keepSecret(String((await self.get('/')).json?.csrf))
      return token
    },
    async post(path, body = {}, { type = 'json', csrf, accept, headers = {} } = {}) {
      for (const [name, value] of body instanceof FormData ? [] : Object.entries(body)) {
        if (/password/.test(name) && typeof value === 'string') keepSecret(value)
      }
      const sent = csrf === undefined ? await self.csrf() : csrf
      const json = type === 'json' && !(body instanceof FormData)
      const response = await send('POST', path, {
        headers: {
          accept: accept ?? (type === 'json' ? 'application/json' : 'text/html'),
          ...(json ? { 'content-type': 'application/json' } : {}),
          ...(sent === null ? {} : { 'x-csrf-token': sent }),
          ...headers,
        },
        body: json ? JSON.stringify(body) : formOf(body),
      })
      // These begin a new session, which has a new token.
      if (/^\/(login|logout|register)\b/.test(path)) token = null
      return response
    },
    at: (other) => client(other, jar),
    async login(username, pass = password) {
      return self.post('/login', { username, password: pass })
    },
    async register(username, pass = password) {
      await expectSuccess(self.post('/register', { username, password: pass }), `registering ${username}`)
      await expectSuccess(self.login(username, pass), `signing in ${username}`)
      return self
    },
  }
  return self
}

function storeCookie(jar: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';')
  const name = pair.slice(0, pair.indexOf('=')).trim()
  const value = pair.slice(pair.indexOf('=') + 1).trim()
  const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute))?.split('=')[1]
  const isExpired = attributes.some((attribute) => /^\s*max-age=0/i.test(attribute))
  if (value === '' || isExpired || (expires && Date.parse(expires) < Date.now())) jar.delete(name)
  else jar.set(name, keepSecret(value))
}

async function toTestResponse(response: Response): Promise<TestResponse> {
  const text = await response.text()
  const location = response.headers.get('location')
  const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : null
  return {
    status: response.status,
    headers: response.headers,
    text,
    json,
    location: location && relative(location),
  }
}

function relative(location: string): string {
  const url = new URL(location, 'http://here')
  return url.pathname + url.search
}

function formOf(body: Record<string, unknown> | FormData): BodyInit {
  if (body instanceof FormData) return body
  return new URLSearchParams(Object.entries(body).map(([name, value]) => [name, String(value)]))
}

async function expectSuccess(sent: Promise<TestResponse>, what: string): Promise<void> {
  const { status, text } = await sent
  if (status >= 400) throw new Error(`${what} returned ${status}: ${text.slice(0, 500)}`)
}

import { randomInt } from 'node:crypto'
import { open, readText } from './http.ts'
import { openStream, type Stream } from './stream.ts'

/** Someone who uses the site over HTTP, with cookies and a CSRF token. */
export interface Person {
  username: string
  // oxlint-disable-next-line typescript/no-explicit-any -- A case checks what it reads.
  get(path: string): Promise<{ status: number; json: any }>
  /** Sends a change and returns its JSON answer. Throws where it is refused. */
  // oxlint-disable-next-line typescript/no-explicit-any -- A case checks what it reads.
  post(path: string, body?: Record<string, unknown>): Promise<any>
  /** Opens a stream, which ends with the case. Throws where its status is not `status`. */
  stream(path: string, options?: StreamOptions): Promise<Stream>
  /**
   * Opens a stream that starts after everything that was answered so far. Without a cursor it would start where its
   * instance is, and deliver events that happened just before.
   */
  streamFromNow(path: string): Promise<Stream>
  /** Another session of the same person. */
  signIn(): Promise<Person>
}

export interface StreamOptions {
  headers?: Record<string, string>
  method?: string
  /** 200 where nothing else is expected. */
  status?: number
}

export interface Site {
  /** Writes what Bob gets: Bob follows Ann. */
  ann: Person
  bob: Person
  /** Follows nobody, and is followed by nobody. */
  cleo: Person
  anonymous: Person
  /** Milliseconds within which everything has to arrive. */
  timeout: number
  /** A name that is free. */
  newName(): string
  /** Closes the streams that were opened so far. */
  closeStreams(): void
}

const PASSWORD = 'a passphrase for conformance'

/** Registers three people with names that nobody has. Three registrations are all that it takes of a rate limit. */
export async function openSite(origin: URL, timeout: number): Promise<Site> {
  const streams = new Set<Stream>()
  const newName = () => `c${randomInt(36 ** 4, 36 ** 5).toString(36)}${Date.now().toString(36).slice(-8)}`
  const visit = (username: string): Person => createPerson(origin, username, timeout, streams)

  async function register(): Promise<Person> {
    const username = newName()
    await visit(username).post('/register', { username, password: PASSWORD })
    return visit(username).signIn()
  }

  const site: Site = {
    ann: await register(),
    bob: await register(),
    cleo: await register(),
    anonymous: visit(''),
    timeout,
    newName,
    closeStreams() {
      for (const stream of streams) stream.close()
      streams.clear()
    },
  }
  await site.bob.post(`/users/${site.ann.username}/follow`)
  return site
}

function createPerson(origin: URL, username: string, timeout: number, streams: Set<Stream>): Person {
  const cookies = new Map<string, string>()
  let token: string | null = null

  async function send(method: string, path: string, body?: string) {
    const headers: Record<string, string> = { accept: 'application/json', ...cookieHeader() }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = String(Buffer.byteLength(body))
      headers.origin = origin.origin
      headers['x-csrf-token'] = await csrfToken()
      headers.cookie = cookieHeader().cookie ?? ''
    }
    const answer = await open(new URL(path, origin), { method, headers }, { ...(body && { body }), timeout })
    for (const line of answer.headers['set-cookie'] ?? []) keepCookie(cookies, line)
    const text = await readText(answer)
    const isJson = answer.headers['content-type']?.includes('json')
    return { status: answer.statusCode ?? 0, json: isJson ? JSON.parse(text) : null }
  }

  async function csrfToken(): Promise<string> {
    token ??= String((await send('GET', '/')).json?.csrf)
    return token
  }

  function cookieHeader(): Record<string, string> {
    return cookies.size ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {}
  }

  const person: Person = {
    username,
    get: (path) => send('GET', path),
    async post(path, body = {}) {
      const { status, json } = await send('POST', path, JSON.stringify(body))
      if (status >= 400 || json === null)
        throw new Error(`POST ${path} was answered ${status}: ${json?.error?.message ?? 'not JSON'}`)
      // Signing in and out begin another session, which has another token.
      if (/^\/(login|logout|register)$/.test(path)) token = null
      return json
    },
    async stream(path, { headers = {}, method = 'GET', status = 200 } = {}) {
      const sent = { accept: 'text/event-stream', ...cookieHeader(), ...headers }
      const stream = await openStream(new URL(path, origin), { method, headers: sent, timeout })
      streams.add(stream)
      if (stream.status !== status)
        throw new Error(`${path} was answered ${stream.status} instead of ${status}`)
      return stream
    },
    async streamFromNow(path) {
      const { seq } = (await person.get('/')).json
      return person.stream(`${path}${path.includes('?') ? '&' : '?'}after=${seq}`)
    },
    async signIn() {
      const session = createPerson(origin, username, timeout, streams)
      await session.post('/login', { username, password: PASSWORD })
      return session
    },
  }
  return person
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';')
  const [name = '', ...value] = pair.split('=')
  const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute))?.split('=')[1]
  const deleted = attributes.some((attribute) => /^\s*max-age=0/i.test(attribute))
  if (deleted || (expires && Date.parse(expires) < Date.now())) cookies.delete(name.trim())
  else cookies.set(name.trim(), value.join('=').trim())
}

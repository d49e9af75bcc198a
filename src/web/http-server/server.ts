import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'

/** Longer than load balancers keep idle connections (60 s), so that they send no request on a closing connection. */
const KEEP_ALIVE_MS = 75_000

/** Time limits for clients. A client that stalls, or sends too slowly, is disconnected within 40 s in every state. */
export interface ClientLimits {
  /** For the headers of a request, and for a new connection that sends nothing. */
  headersMs: number
  /** For a body of a form or JSON. */
  bodyMs: number
  /** For a body with a file. */
  fileMs: number
  /** While a body is incomplete, each `windowMs` must bring at least `windowBytes`. */
  windowMs: number
  windowBytes: number
  /** For a connection without a byte in either direction during a response. A stream writes every 15 s. */
  idleMs: number
  /** The interval between two checks. */
  checkMs: number
}

const LIMITS: ClientLimits = {
  headersMs: 15_000,
  bodyMs: 30_000,
  fileMs: 60_000,
  windowMs: 18_000,
  windowBytes: 18_000,
  idleMs: 35_000,
  checkMs: 1_000,
}

/** Creates an HTTP server that disconnects clients that exceed the limits. */
export function createHttpServer(listener: RequestListener, limits: ClientLimits = LIMITS): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      // A fallback for limitBodies: Node's own limit cannot distinguish slow bodies or files.
      requestTimeout: limits.headersMs + limits.fileMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    listener,
  )
  server.timeout = limits.idleMs
  limitBodies(server, limits)
  return server
}

interface Body {
  request: IncomingMessage
  response: ServerResponse
  endsAt: number
  windowEndsAt: number
  /** The total that the socket must have read at `windowEndsAt`. */
  windowBytes: number
}

/** Counts bytes at the socket, because reading the body would take it from the application. */
function limitBodies(server: Server, limits: ClientLimits): void {
  const bodies = new Set<Body>()

  server.on('request', (request, response) => {
    if (!hasBody(request)) return
    const now = performance.now()
    const endsAt = now + (hasFile(request) ? limits.fileMs : limits.bodyMs)
    bodies.add({ request, response, endsAt, ...windowOf(request, now) })
  })

  function windowOf({ socket }: IncomingMessage, now: number): Pick<Body, 'windowEndsAt' | 'windowBytes'> {
    return { windowEndsAt: now + limits.windowMs, windowBytes: socket.bytesRead + limits.windowBytes }
  }

  function check(body: Body, now: number): void {
    const { request, windowEndsAt, windowBytes } = body
    const isSlow = now >= windowEndsAt && request.socket.bytesRead < windowBytes
    if (request.complete || request.socket.destroyed) bodies.delete(body)
    else if (isSlow || now >= body.endsAt) disconnect(body)
    else if (now >= windowEndsAt) Object.assign(body, windowOf(request, now))
  }

  const timer = setInterval(() => bodies.forEach((body) => check(body, performance.now())), limits.checkMs)
  server.on('close', () => clearInterval(timer))
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function hasFile({ headers }: IncomingMessage): boolean {
  return /^multipart\//i.test(headers['content-type'] ?? '')
}

/** Sends 408, as Node does for late headers, unless the response has started. */
function disconnect({ request: { socket }, response }: Body): void {
  if (response.headersSent) socket.destroy()
  else response.writeHead(408, { Connection: 'close' }).end(() => socket.destroy())
}

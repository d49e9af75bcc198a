import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'

/** Longer than balancers keep an idle connection (60 s), so that they never send a request on one that is closing. */
const KEEP_ALIVE_MS = 75_000

/** How long a client may take. A client that stalls, or trickles, is cut off within 40 s, whatever it is at. */
export interface ClientLimits {
  /** For the headers of a request; also the time after which a connection that sends nothing is closed. */
  headersMs: number
  /** For a body: of a form or JSON, and of a form with a file. */
  bodyMs: number
  fileMs: number
  /** Any `windowMs` in which a body has not ended must bring `windowBytes`. */
  windowMs: number
  windowBytes: number
  /** Without a byte in either direction while a response is under way. A stream writes every 15 s. */
  idleMs: number
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

/** Creates an HTTP server that cuts off clients that do not keep to the limits. */
export function createHttpServer(listener: RequestListener, limits: ClientLimits = LIMITS): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      // Node's own limit knows no rate and no kind of body: it only backs up those below.
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
  /** What the socket must have read by then. */
  windowBytes: number
}

/** Counts the bytes of the socket, so it reads nothing that the application does not ask for. */
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
    else if (isSlow || now >= body.endsAt) cutOff(body)
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

/** Sends the 408 that Node sends for late headers, unless a response is under way already. */
function cutOff({ request: { socket }, response }: Body): void {
  if (response.headersSent) socket.destroy()
  else response.writeHead(408, { Connection: 'close' }).end(() => socket.destroy())
}

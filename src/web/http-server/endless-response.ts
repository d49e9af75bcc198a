import type { ServerResponse } from 'node:http'
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Writable } from 'node:stream'

/** A client of a stream has nothing to send after its request. */
const MAX_DISCARDED_BYTES = 64 * 1024

/** A response whose body ends with the connection, before its head is sent. */
export interface EndlessResponse {
  readonly destroyed: boolean
  /**
   * Sends the head. Returns the stream for the body: a socket of its own. The HTTP server treats the connection as
   * closed, and frees request, response and parser. Returns null for a HEAD request, whose response is complete.
   */
  begin(headers: Record<string, string>): Writable | null
  destroy(): void
  once(event: 'drain' | 'finish' | 'close', listener: () => void): void
}

export function createEndlessResponse(response: ServerResponse): EndlessResponse {
  return {
    get destroyed() {
      return response.destroyed
    },
    begin: (headers) => begin(response, headers),
    destroy: () => void response.destroy(),
    once: (event, listener) => void response.once(event, listener),
  }
}

/** The body is never chunked, whatever the HTTP version of the client or proxy, so it can be written to the socket. */
function begin(response: ServerResponse, headers: Record<string, string>): Writable | null {
  response.removeHeader('Transfer-Encoding') // Without it, and without Content-Length, Node does not chunk.
  response.writeHead(200, { ...headers, Connection: 'close' })
  if (response.req.method === 'HEAD') {
    response.end()
    return null
  }
  response.flushHeaders()
  return detach(response) ?? response
}

/** Node does not document this property, or that another socket may take it over. A test shows that both work. */
type HandleOwner = Socket & { _handle?: SocketConstructorOpts['handle'] | null }

/**
 * Moves the connection to a new socket, as Node's own `Socket.prototype[kTransfer]` (lib/net.js) does to give it to
 * another thread. An idle stream of a signed-in person cost 23 kB instead of 37. Returns null if bytes of this or an
 * earlier response still wait.
 */
function detach(response: ServerResponse): Socket | null {
  const old: HandleOwner | null = response.socket
  const { _handle: handle, destroyed, writableLength } = old ?? {}
  // While an earlier response of the connection is in progress, this one has no socket.
  if (!old || !handle || destroyed || writableLength !== 0) return null
  Object.assign(old, { _handle: null })
  old.destroy() // The HTTP server removes its parser from the handle.
  const socket = new Socket({ handle })
  discardInput(socket)
  return socket
}

/** Reads what the client sends, so that the end of the connection is noticed. */
function discardInput(socket: Socket): void {
  const limit = socket.bytesRead + MAX_DISCARDED_BYTES
  socket.on('data', () => {
    if (socket.bytesRead > limit) socket.destroy()
  })
}

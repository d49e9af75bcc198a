import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'

/** After this time, connections without complete headers are closed. Node does not count them as idle. */
const LAST_GRACE_MS = 1_000

/** Closes an HTTP server without failing requests that a proxy sends on a keep-alive connection. */
export interface GracefulClose {
  /** From now on, each connection closes after its next response, so that proxies do not reuse it. */
  endKeepAlive(): void
  /** Accepts no new connections, waits until no request is in progress, then closes the open connections. */
  close(): Promise<void>
}

/** Call it before the server listens. */
export function prepareClose(server: Server): GracefulClose {
  const open = new Set<ServerResponse>()
  const idle = Promise.withResolvers<void>()
  let isEnding = false
  let isClosing = false

  function resolveIfIdle(): void {
    if (isClosing && open.size === 0) idle.resolve()
  }

  // Runs before the application, which may send the headers.
  server.prependListener('request', (_request, response) => {
    if (isEnding) response.shouldKeepAlive = false
    open.add(response)
    response.once('close', () => {
      open.delete(response)
      resolveIfIdle()
    })
  })

  return {
    endKeepAlive() {
      isEnding = true
      for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false
    },
    async close() {
      const closed = once(server, 'close')
      // http.Server's own method closes idle connections immediately, even if a client has just sent a request.
      NetServer.prototype.close.call(server)
      isClosing = true
      resolveIfIdle()
      await idle.promise
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), LAST_GRACE_MS).unref()
      await closed
    },
  }
}

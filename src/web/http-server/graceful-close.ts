import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'

/** A new connection that has sent nothing, or half of its headers, does not count as idle to Node. */
const LAST_GRACE_MS = 1_000

/** Ends an HTTP server without failing a request that a proxy sends on a connection it has kept. */
export interface GracefulClose {
  /** From now on a connection ends with its next response, so that no proxy keeps it. */
  endKeepAlive(): void
  /** Accepts no more connections, answers on the open ones until no request is under way, then closes them. */
  close(): Promise<void>
}

/** Must be called before the server listens. */
export function prepareClose(server: Server): GracefulClose {
  const open = new Set<ServerResponse>()
  const idle = Promise.withResolvers<void>()
  let isEnding = false
  let isClosing = false

  function settle(): void {
    if (isClosing && open.size === 0) idle.resolve()
  }

  // Before the application, which may send the headers.
  server.prependListener('request', (_request, response) => {
    if (isEnding) response.shouldKeepAlive = false
    open.add(response)
    response.once('close', () => {
      open.delete(response)
      settle()
    })
  })

  return {
    endKeepAlive() {
      isEnding = true
      for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false
    },
    async close() {
      const closed = once(server, 'close')
      // The method of http.Server would close idle connections at once, also under a request that is on its way.
      NetServer.prototype.close.call(server)
      isClosing = true
      settle()
      await idle.promise
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), LAST_GRACE_MS).unref()
      await closed
    },
  }
}

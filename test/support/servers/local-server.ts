import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An HTTP server that soon notices a client that does not read. */
export interface LocalServer {
  /** Returns the response; nothing of its body is read yet. */
  open(path: string): Promise<IncomingMessage>
  close(): void
}

/** Uses a Unix socket: it buffers about 200 kB, while TCP would buffer megabytes. */
export async function serveLocally(listener: RequestListener): Promise<LocalServer> {
  const folder = mkdtempSync(join(tmpdir(), 'koafeed-socket-'))
  const socketPath = join(folder, 'http')
  const server = createServer(listener).listen(socketPath)
  await once(server, 'listening')
  return {
    open: (path) =>
      new Promise((resolve, reject) => {
        get({ socketPath, path, agent: false }, resolve).on('error', reject)
      }),
    close() {
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

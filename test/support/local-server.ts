import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A real HTTP server whose clients are soon felt where they do not read. */
export interface LocalServer {
  /** Answers of which nothing is read until somebody does. */
  open(path: string): Promise<IncomingMessage>
  close(): void
}

/** On a Unix socket: it holds some 200 kB on the way, where TCP would hold megabytes. */
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

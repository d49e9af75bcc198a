import { setTimeout as pause } from 'node:timers/promises'
import { cookieOf } from '../feed.ts'
import { openConnection } from './http-client.ts'
import type { Server } from '../servers/instance.ts'

/**
 * The headers of person n's requests that write and want JSON. Reads the token with one request, again after a while if
 * the server is busy.
 */
export async function writingHeaders(server: Server, n: number): Promise<Record<string, string>> {
  const headers = { ...cookieOf(n), Accept: 'application/json' }
  for (let left = 50; left > 0; left--) {
    const response = await fetch(`http://127.0.0.1:${server.port}/`, { headers })
    const body = (await response.json()) as { csrf: string }
    if (response.ok) return { ...headers, 'X-CSRF-Token': body.csrf }
    await pause(100)
  }
  throw new Error('The server stays busy.')
}

/** Sends one request after another on one connection. Throws if the status is not 200 to 299. */
export async function openSender(server: Server): Promise<{
  send(request: string): Promise<void>
  close(): void
}> {
  const connection = await openConnection(server.port)
  return {
    async send(request) {
      const response = await connection.send(request)
      if (response.status > 299) throw new Error(`The request failed:\n${response.start()}`)
    },
    close: () => connection.close(),
  }
}

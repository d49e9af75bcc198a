import { cookieOf } from './feed.ts'
import { openConnection } from './http-client.ts'
import type { Server } from './instance.ts'

/** The headers of person n's requests that write and want JSON. Reads the token with one request. */
export async function writingHeaders(server: Server, n: number): Promise<Record<string, string>> {
  const headers = { ...cookieOf(n), Accept: 'application/json' }
  const response = await fetch(`http://127.0.0.1:${server.port}/`, { headers })
  const { csrf } = (await response.json()) as { csrf: string }
  return { ...headers, 'X-CSRF-Token': csrf }
}

/** Sends one request after another on one connection. Throws if the status is not the expected one. */
export async function openSender(server: Server): Promise<{
  send(request: string, status: number): Promise<void>
  close(): void
}> {
  const connection = await openConnection(server.port)
  return {
    async send(request, status) {
      const response = await connection.send(request)
      if (response.status !== status) throw new Error(`The status is not ${status}:\n${response.start()}`)
    },
    close: () => connection.close(),
  }
}

import { once } from 'node:events'
import { createServer, request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A proxy that passes bytes on as they come. */
export interface Forwarder {
  origin: string
  close(): void
}

export interface ForwarderOptions {
  /** Handles a request itself if it returns true. */
  handle?(request: IncomingMessage, response: ServerResponse): boolean
  /** Is called with each response; returns a function that changes its chunks. */
  respond?(request: IncomingMessage, upstream: IncomingMessage): ((chunk: Buffer) => Buffer) | void
}

export async function startForwarder(
  toOrigin: string,
  { handle = () => false, respond = () => {} }: ForwarderOptions,
): Promise<Forwarder> {
  const server = createServer((request, response) => {
    if (handle(request, response)) return
    const { method, url, headers } = request
    const upstream = sendRequest(new URL(url ?? '/', toOrigin), { method, headers, agent: false })
    upstream.on('response', (answer) => {
      const change = respond(request, answer) ?? ((chunk) => chunk)
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      answer.on('data', (chunk: Buffer) => response.write(change(chunk)))
      answer.on('close', () => response.end())
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    request.pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

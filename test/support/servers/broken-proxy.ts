import { once } from 'node:events'
import { createServer, request as sendRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Defect {
  /** Returns a function that changes the blocks of one stream. A block that becomes '' is dropped. */
  blocks?: () => (block: string) => string
  /** Changes the headers of each request. */
  headers?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders
}

/** Starts a proxy that forwards requests and responses, and adds one defect. */
export async function startBrokenProxy(
  toOrigin: string,
  { blocks = () => (block) => block, headers: change = (headers) => headers }: Defect,
): Promise<{ origin: string; close(): void }> {
  const server = createServer((request, response) => {
    const { method, url, headers } = request
    const options = { method, headers: change(headers), agent: false }
    const upstream = sendRequest(new URL(url ?? '/', toOrigin), options, (upstreamResponse) => {
      response.writeHead(upstreamResponse.statusCode ?? 502, upstreamResponse.headers)
      response.flushHeaders()
      if (!upstreamResponse.headers['content-type']?.startsWith('text/event-stream'))
        return void upstreamResponse.pipe(response)
      const changeBlock = blocks()
      let rest = ''
      upstreamResponse.setEncoding('utf8')
      upstreamResponse.on('data', (chunk: string) => {
        const received = (rest + chunk).split('\n\n')
        rest = received.pop() ?? ''
        for (const block of received) response.write(changeBlock(`${block}\n\n`))
      })
      upstreamResponse.on('close', () => response.end())
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    request.pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

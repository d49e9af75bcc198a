import { once } from 'node:events'
import { createServer, request as ask, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Defect {
  /** Makes, for each stream, a function that changes its blocks; a block that becomes '' is dropped. */
  blocks?: () => (block: string) => string
  /** Changes the headers of each request. */
  headers?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders
}

/** A proxy that forwards everything except for one defect. */
export async function startBrokenProxy(
  toOrigin: string,
  { blocks = () => (block) => block, headers: change = (headers) => headers }: Defect,
): Promise<{ origin: string; close(): void }> {
  const server = createServer((request, response) => {
    const { method, url, headers } = request
    const options = { method, headers: change(headers), agent: false }
    const upstream = ask(new URL(url ?? '/', toOrigin), options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      if (!answer.headers['content-type']?.startsWith('text/event-stream')) return void answer.pipe(response)
      const changeBlock = blocks()
      let rest = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        const received = (rest + chunk).split('\n\n')
        rest = received.pop() ?? ''
        for (const block of received) response.write(changeBlock(`${block}\n\n`))
      })
      answer.on('close', () => response.end())
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

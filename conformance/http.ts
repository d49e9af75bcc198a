import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'

/**
 * Sends a request and resolves with the answer once its headers are here. Unlike `fetch`, it adds no Accept-Encoding,
 * decodes nothing and shares no connection.
 */
export function open(
  url: URL,
  options: RequestOptions,
  { body, timeout }: { body?: string; timeout: number },
): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const request = send(url, { ...options, agent: false })
    const timer = setTimeout(
      () => request.destroy(new Error(`No answer to ${options.method} ${url.pathname} within ${timeout} ms`)),
      timeout,
    )
    request.on('response', (answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    request.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.end(body)
  })
}

export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

import { connect } from 'node:net'

/** One keep-alive connection. Reads into one buffer and looks only at the head of a response, so that it costs little. */
export interface HttpConnection {
  /** Sends a raw request, and waits for the whole response. */
  send(request: Buffer | string): Promise<HttpResponse>
  close(): void
}

export interface HttpResponse {
  status: number
  /** Bytes of head and body. */
  bytes: number
  /** Only the first read: enough to show what a wrong response says. */
  start(): string
}

export async function openConnection(port: number): Promise<HttpConnection> {
  const buffer = Buffer.allocUnsafe(256 * 1024)
  let finish: ((response: HttpResponse) => void) | null = null
  let fail: ((error: Error) => void) | null = null
  let head: { status: number; total: number; text: string } | null = null
  let received = 0
  const onRead = (length: number, chunk: Buffer): boolean => {
    head ??= parseHead(chunk, length)
    received += length
    if (received < head.total) return true
    const { status, total, text } = head
    head = null
    received = 0
    finish?.({ status, bytes: total, start: () => text })
    return true
  }
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer,
      callback: (length, chunk) => {
        try {
          return onRead(length, chunk as Buffer)
        } catch (error) {
          fail?.(error as Error)
          return false
        }
      },
    },
  })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const lost = (): void => fail?.(new Error('The server closed a connection.'))
  socket.on('error', lost).on('close', lost)
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        finish = resolve
        fail = reject
        socket.write(request)
      }),
    close() {
      fail = null
      socket.destroy()
    },
  }
}

/** @throws Error if the head is incomplete in the first read, or a response with a body has no Content-Length */
function parseHead(chunk: Buffer, length: number): { status: number; total: number; text: string } {
  const text = chunk.toString('latin1', 0, Math.min(length, 4096))
  const end = text.indexOf('\r\n\r\n')
  const status = Number(text.slice(9, 12))
  const body = status === 204 ? 0 : /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
  if (end === -1 || body === undefined)
    throw new Error(`A response without Content-Length:\n${text.slice(0, 500)}`)
  return { status, total: end + 4 + Number(body), text }
}

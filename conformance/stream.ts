import type { IncomingHttpHeaders } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { open } from './http.ts'
import { readZstdFrames } from './zstd.ts'

export interface StreamEvent {
  id: string | undefined
  event: string
  // oxlint-disable-next-line typescript/no-explicit-any -- A case checks what it reads.
  data: any
}

export interface Stream {
  status: number
  headers: IncomingHttpHeaders
  events: StreamEvent[]
  /** Everything received so far, decoded. */
  text(): string
  /** The newest id, with which to resume. */
  lastId(): string | undefined
  /** The next event that fits, among those that `next` has not returned or skipped yet. Throws when there is none. */
  next(what: string, fits: (event: StreamEvent) => boolean, timeout?: number): Promise<StreamEvent>
  /** Resolves once the text received so far fits. Throws when that takes too long. */
  received(what: string, fits: (text: string) => boolean): Promise<void>
  /** Resolves once the server has ended the stream. Throws when that takes too long. */
  ended(): Promise<void>
  close(): void
}

/** Opens a stream and keeps what it delivers. An answer with another status than 200 is a stream without events. */
export async function openStream(
  url: URL,
  { method = 'GET', headers, timeout }: { method?: string; headers: Record<string, string>; timeout: number },
): Promise<Stream> {
  const answer = await open(url, { method, headers }, { timeout })
  const events: StreamEvent[] = []
  const listeners = new Set<() => void>()
  let text = ''
  /** The line that is not complete yet. */
  let line = ''
  let lastId: string | undefined
  let read = 0
  let over = false

  const parser = createParser({
    onEvent: ({ id, event = 'message', data }) => events.push({ id, event, data: fromJson(data) }),
  })
  const notify = () => listeners.forEach((listener) => listener())
  const decoder = new StringDecoder('utf8')
  const readText = (bytes: Buffer): void => {
    const chunk = decoder.write(bytes)
    text += chunk
    parser.feed(chunk)
    const lines = (line + chunk).split(/\r?\n/)
    line = lines.pop() ?? ''
    // The parser reports ids of events only. A block without data has an id that moves the cursor as well.
    lastId =
      lines
        .findLast((one) => one.startsWith('id:'))
        ?.slice(3)
        .trim() ?? lastId
    notify()
  }
  answer.on('data', answer.headers['content-encoding'] === 'zstd' ? readZstdFrames(readText) : readText)
  answer.on('error', () => {})
  answer.on('close', () => {
    over = true
    notify()
  })

  /** Resolves with the first answer of `ask` that is not undefined. */
  async function until<T>(what: string, ask: () => T | undefined, wait: number): Promise<T> {
    const end = Date.now() + wait
    for (;;) {
      const found = ask()
      if (found !== undefined) return found
      const left = end - Date.now()
      if (over) throw new Error(`${what}: the stream ended before (status ${answer.statusCode})`)
      if (left <= 0) throw new Error(`${what}: not within ${wait} ms`)
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer)
          listeners.delete(done)
          resolve()
        }
        const timer = setTimeout(done, left)
        listeners.add(done)
      })
    }
  }

  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    events,
    text: () => text,
    lastId: () => lastId,
    next: (what, fits, wait = timeout) =>
      until(
        what,
        () => {
          while (read < events.length) {
            const event = events[read++]!
            if (fits(event)) return event
          }
        },
        wait,
      ),
    received: async (what, fits) => void (await until(what, () => fits(text) || undefined, timeout)),
    ended: async () => {
      const end = Date.now() + timeout
      while (!over && Date.now() < end) {
        await until('', () => over || undefined, end - Date.now()).catch(() => {})
      }
      if (!over) throw new Error(`the stream was not ended within ${timeout} ms`)
    },
    close: () => answer.destroy(),
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

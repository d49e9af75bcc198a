import { createParser } from 'eventsource-parser'

export interface StreamEvent {
  id: string | undefined
  event: string
  // Each test knows what it expects.
  // oxlint-disable-next-line typescript/no-explicit-any
  data: any
}

export interface TestStream {
  status: number
  headers: Headers
  /** The events received so far. A block without data, such as the first one, is not an event (HTML standard). */
  events: StreamEvent[]
  /** The milliseconds of each `retry:` line. */
  retries: number[]
  /** Resolves with the first id. From then on the stream receives every event. */
  opened: Promise<string | undefined>
  /** The newest id, from which a client resumes. */
  lastId(): string | undefined
  /**
   * Returns the next event that matches, and skips the ones before it.
   * @param timeout in milliseconds
   * @throws Error if the stream ends or the timeout passes first
   */
  next(matches?: (event: StreamEvent) => boolean, timeout?: number): Promise<StreamEvent>
  /** Disconnects. */
  close(): void
  /** Resolves when the stream has ended, whichever side ended it. */
  closed: Promise<void>
}

/** Opens an event stream. Does not throw if the status is not 200. */
export async function openStream(
  url: string,
  { headers = {} }: { headers?: HeadersInit } = {},
): Promise<TestStream> {
  const abort = new AbortController()
  const given = new Headers(headers)
  if (!given.has('accept')) given.set('accept', 'text/event-stream')
  const response = await fetch(url, { headers: given, signal: abort.signal, redirect: 'manual' })
  const events: StreamEvent[] = []
  const retries: number[] = []
  const wakers = new Set<() => void>()
  let read = 0
  let ended = false
  let lastId: string | undefined
  let open = (_id?: string) => {}
  const opened = new Promise<string | undefined>((resolve) => (open = resolve))
  const wake = () => wakers.forEach((waker) => waker())

  const parser = createParser({
    onEvent({ id, event = 'message', data }) {
      events.push({ id, event, data: json(data) })
      wake()
    },
    onRetry: (ms) => retries.push(ms),
  })
  const readIds = idReader((id) => {
    lastId = id
    open(id)
  })
  const closed = consume(response, (text) => {
    readIds(text)
    parser.feed(text)
  }).finally(() => {
    ended = true
    open()
    wake()
  })

  const next = async (matches: (event: StreamEvent) => boolean = () => true, timeout = 5000) => {
    const end = performance.now() + timeout
    for (;;) {
      for (; read < events.length;) {
        const event = events[read++]
        if (event && matches(event)) return event
      }
      const left = end - performance.now()
      if (ended || left <= 0) {
        const kinds = events.map(({ id, event, data }) =>
          `${id ?? '-'} ${event} ${data?.action ?? ''}`.trim(),
        )
        throw new Error(
          `${ended ? `The stream (status ${response.status}) has ended` : `No such event within ${timeout} ms`}; received: ${kinds.join(', ') || 'nothing'}`,
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left)
        function done() {
          clearTimeout(timer)
          wakers.delete(done)
          resolve()
        }
        wakers.add(done)
      })
    }
  }

  return {
    status: response.status,
    headers: response.headers,
    events,
    retries,
    opened,
    lastId: () => lastId,
    next,
    close: () => abort.abort(),
    closed,
  }
}

async function consume(response: Response, feed: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) feed(decoder.decode(chunk, { stream: true }))
  } catch {
    // The client or the server closed the connection.
  }
}

/** The parser reports an id only with an event, but each id line moves a client's cursor. */
function idReader(onId: (id: string) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('id: ')) onId(line.slice(4))
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

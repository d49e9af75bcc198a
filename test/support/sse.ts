import { createParser } from 'eventsource-parser'

export interface StreamEvent {
  id: string | undefined
  event: string
  // A test says itself what it expects in there.
  // oxlint-disable-next-line typescript/no-explicit-any
  data: any
}

export interface TestStream {
  status: number
  headers: Headers
  /** All that came so far. A block without data, like the one that opens a stream, is no event (HTML standard). */
  events: StreamEvent[]
  /** The milliseconds of each `retry:` line. */
  retries: number[]
  /** The id that opens the stream, once it is there: from then on the stream misses nothing. */
  opened: Promise<string | undefined>
  /** The newest id, with which to resume. */
  lastId(): string | undefined
  /** The next event that fits, among those not yet returned by `next`; skips what comes before it. */
  next(fits?: (event: StreamEvent) => boolean, timeout?: number): Promise<StreamEvent>
  /** Hangs up. */
  close(): void
  /** Settles when the stream is over, whoever ended it. */
  closed: Promise<void>
}

/** Opens an event stream as a client would; any status is an answer too. */
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
  let over = false
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
  const seeIds = idReader((id) => {
    lastId = id
    open(id)
  })
  const closed = consume(response, (text) => {
    seeIds(text)
    parser.feed(text)
  }).finally(() => {
    over = true
    open()
    wake()
  })

  const next = async (fits: (event: StreamEvent) => boolean = () => true, timeout = 5000) => {
    const end = performance.now() + timeout
    for (;;) {
      for (; read < events.length;) {
        const event = events[read++]
        if (event && fits(event)) return event
      }
      const left = end - performance.now()
      if (over || left <= 0) {
        const kinds = events.map(({ id, event, data }) =>
          `${id ?? '-'} ${event} ${data?.action ?? ''}`.trim(),
        )
        throw new Error(
          `${over ? `The stream (status ${response.status}) is over` : `No such event within ${timeout} ms`}; it brought: ${kinds.join(', ') || 'nothing'}`,
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
    // Hung up, by us or by the server: over either way.
  }
}

/** The parser tells of ids only with events; a client's cursor moves with each id line. */
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

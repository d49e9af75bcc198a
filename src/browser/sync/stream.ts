import { compareIds } from '../page/page.ts'

/** After this time without an event or a beat, the connection is dead, even if the browser reports it as open. */
const SILENCE_MS = 25_000
const SHORTEST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8000
const BANNER_DELAY_MS = 5000
const EVENTS = ['post', 'comment', 'like', 'user', 'reset', 'beat']

export interface StreamEvent {
  name: string
  /** The cursor after this event; empty if the frame has none. */
  id: string
  payload: unknown
}

export interface StreamOptions {
  path: string
  /** The cursor of the page. */
  after: string
  onEvent(event: StreamEvent): void
  /** Called with true after 5 s without a stream, with false when it is open again. */
  onDown(down: boolean): void
  /** Called if the server will not open this stream again: 401 or 404. */
  onRefused(status: number): void
}

/**
 * Keeps a stream open. EventSource reconnects after a lost connection. It does not reconnect after a status other than
 * 200 (for example 503 from an instance that shuts down), and it does not notice a silent connection that is dead. In
 * both cases this function opens a new EventSource after the last event. That uses another connection, so a proxy can
 * choose another instance.
 */
export function connectStream({ path, after, onEvent, onDown, onRefused }: StreamOptions): void {
  let source: EventSource | null = null
  let cursor = after
  let receivedAt = Date.now()
  let attempts = 0
  let retryTimer = 0
  let bannerTimer = 0
  let stopped = false
  /** Whether an event has arrived, so that this browser and its proxies do not damage a compressed stream. */
  let isReadable = false
  let plain = ''

  function address(): string {
    return `${path}${path.includes('?') ? '&' : '?'}after=${cursor}${plain}`
  }

  function open(): void {
    clearTimeout(retryTimer)
    if (stopped) return
    source?.close()
    receivedAt = Date.now()
    source = new EventSource(address())
    source.addEventListener('open', opened)
    source.addEventListener('error', failed)
    for (const name of EVENTS) source.addEventListener(name, received)
  }

  function received(event: MessageEvent<string>): void {
    receivedAt = Date.now()
    isReadable = true
    const { type: name, lastEventId: id, data } = event
    if (id && (name === 'reset' || compareIds(id, cursor) > 0)) cursor = id
    onEvent({ name, id, payload: JSON.parse(data || '{}') })
  }

  function opened(): void {
    attempts = 0
    receivedAt = Date.now()
    clearTimeout(bannerTimer)
    bannerTimer = 0
    onDown(false)
  }

  function failed(): void {
    bannerTimer ||= window.setTimeout(onDown, BANNER_DELAY_MS, true)
    if (!isReadable) readPlain()
    if (source?.readyState === EventSource.CLOSED) retryLater()
  }

  /** EventSource would repeat the same address. */
  function readPlain(): void {
    isReadable = true
    plain = '&plain=1'
    source?.close()
  }

  function retryLater(): void {
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** ++attempts)
    clearTimeout(retryTimer)
    retryTimer = window.setTimeout(retry, SHORTEST_WAIT_MS + Math.random() * (longest - SHORTEST_WAIT_MS))
  }

  /** EventSource does not report the status. So after repeated failures `fetch` reads it first. */
  async function retry(): Promise<void> {
    const status = attempts > 1 ? await fetchStatus(address()) : 200
    if (status === 200) return open()
    if (status !== 401 && status !== 404) return retryLater()
    clearTimeout(bannerTimer)
    source = null
    stopped = true
    onRefused(status)
  }

  function checkSilence(): void {
    if (source && Date.now() - receivedAt > SILENCE_MS) reopen()
  }

  function reopen(): void {
    bannerTimer ||= window.setTimeout(onDown, BANNER_DELAY_MS, true)
    open()
  }

  setInterval(checkSilence, 5000)
  window.addEventListener('online', reopen)
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return
    if (source?.readyState === EventSource.OPEN) checkSilence()
    else reopen()
  })
  // A page in the back/forward cache must not hold a connection. When the browser restores it, the stream opens again.
  window.addEventListener('pagehide', () => {
    clearTimeout(retryTimer)
    source?.close()
    source = null
  })
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) open()
  })
  open()
}

/** The status of a GET request, without its body; 0 if there is no response. */
export async function fetchStatus(address: string): Promise<number> {
  const controller = new AbortController()
  try {
    const { status } = await fetch(address, { signal: controller.signal })
    return status
  } catch {
    return 0
  } finally {
    controller.abort()
  }
}

import { compareIds } from '../page/page.ts'

/** No beat and no event for so long: the link is dead, whatever the browser believes. */
const SILENCE_MS = 25_000
const SHORTEST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8000
const BANNER_MS = 5000
const EVENTS = ['post', 'comment', 'like', 'user', 'reset', 'beat']

export interface StreamEvent {
  name: string
  /** The cursor after this event; empty where the frame has none. */
  id: string
  payload: unknown
}

export interface StreamOptions {
  path: string
  /** The newest event that the page shows. */
  after: string
  on(event: StreamEvent): void
  /** Called with true after 5 s without a stream, with false when it is back. */
  onDown(down: boolean): void
  /** Called when the server will not serve this stream again: 401, or 404. */
  onRefused(status: number): void
}

/**
 * Keeps a stream open. EventSource reconnects after a lost connection, but not after a status other than 200 (a 503 of
 * an instance that shuts down, say), and it does not notice a connection that is silently dead. In both cases a new one
 * is opened after the last event, by another connection, so that a proxy can choose another instance.
 */
export function keepStream({ path, after, on, onDown, onRefused }: StreamOptions): void {
  let source: EventSource | null = null
  let last = after
  let heardAt = Date.now()
  let attempts = 0
  let retry = 0
  let banner = 0
  let stopped = false

  function address(): string {
    return `${path}${path.includes('?') ? '&' : '?'}after=${last}`
  }

  function open(): void {
    clearTimeout(retry)
    if (stopped) return
    source?.close()
    heardAt = Date.now()
    source = new EventSource(address())
    source.addEventListener('open', up)
    source.addEventListener('error', down)
    for (const name of EVENTS) source.addEventListener(name, heard)
  }

  function heard(event: MessageEvent<string>): void {
    heardAt = Date.now()
    const { type: name, lastEventId: id, data } = event
    if (id && (name === 'reset' || compareIds(id, last) > 0)) last = id
    on({ name, id, payload: JSON.parse(data || '{}') })
  }

  function up(): void {
    attempts = 0
    heardAt = Date.now()
    clearTimeout(banner)
    banner = 0
    onDown(false)
  }

  function down(): void {
    banner ||= window.setTimeout(onDown, BANNER_MS, true)
    if (source?.readyState === EventSource.CLOSED) retryLater()
  }

  function retryLater(): void {
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** ++attempts)
    clearTimeout(retry)
    retry = window.setTimeout(again, SHORTEST_WAIT_MS + Math.random() * (longest - SHORTEST_WAIT_MS))
  }

  /** EventSource reports no status, so after repeated failures `fetch` finds it out; only a 200 opens the stream. */
  async function again(): Promise<void> {
    const status = attempts > 1 ? await statusOf(address()) : 200
    if (status === 200) return open()
    if (status !== 401 && status !== 404) return retryLater()
    clearTimeout(banner)
    source = null
    stopped = true
    onRefused(status)
  }

  function check(): void {
    if (source && Date.now() - heardAt > SILENCE_MS) openAgain()
  }

  function openAgain(): void {
    banner ||= window.setTimeout(onDown, BANNER_MS, true)
    open()
  }

  setInterval(check, 5000)
  window.addEventListener('online', openAgain)
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return
    if (source?.readyState === EventSource.OPEN) check()
    else openAgain()
  })
  // A page in the back/forward cache must not hold a connection; when it comes back it catches up.
  window.addEventListener('pagehide', () => {
    clearTimeout(retry)
    source?.close()
    source = null
  })
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) open()
  })
  open()
}

export async function statusOf(address: string): Promise<number> {
  const stop = new AbortController()
  try {
    const { status } = await fetch(address, { signal: stop.signal })
    return status
  } catch {
    return 0
  } finally {
    stop.abort()
  }
}

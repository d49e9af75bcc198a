import { createParser } from 'eventsource-parser'
import type { ServerEvent, StreamState } from './messages.ts'

/** After this time without an event or a beat, the connection is dead, even if the browser reports it as open. */
const SILENCE_MS = 25_000
const SHORTEST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8000
const DOWN_AFTER_MS = 5000

export interface ConnectionOptions {
  /** Returns the address for the next attempt, with its cursor and at least one other parameter. */
  address(): string
  onEvent(event: ServerEvent): void
  onState(state: StreamState): void
  /** Called with how much the clock of this computer is ahead of the server's, about; NaN if that is not known. */
  onClock(aheadMs: number): void
  /** Called if the server will not open this stream again: 401 or 404. The connection is closed then. */
  onRefused(status: number): void
}

/**
 * Keeps a stream open, over and over, until `close`. Unlike EventSource, it also reconnects after a status other than
 * 200, notices a silent connection, and can take another address each time.
 */
export function createConnection({ address, onEvent, onState, onClock, onRefused }: ConnectionOptions) {
  let current: AbortController | null = null
  let isOpen = false
  let heardAt = 0
  let reconnectedAt = 0
  let failures = 0
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let downTimer: ReturnType<typeof setTimeout> | undefined
  let silenceTimer: ReturnType<typeof setInterval> | undefined
  /** The wait that the server asked for in the last open stream. */
  let serverWait = SHORTEST_WAIT_MS
  /** Whether bytes have arrived, so that this browser and its proxies do not damage a compressed stream. */
  let isReadable = false
  let plain = ''
  let reported: StreamState = 'connecting'

  async function connect(): Promise<void> {
    cancel()
    const controller = (current = new AbortController())
    const sentAt = (heardAt = Date.now())
    silenceTimer ??= setInterval(checkSilence, 5000)
    startDownTimer()
    let wait: number | null = null
    try {
      const response = await fetch(address() + plain, {
        signal: controller.signal,
        cache: 'no-store',
        headers: { Accept: 'text/event-stream' },
      })
      if (response.status === 401 || response.status === 404) return refuse(controller, response.status)
      const serverTime = Number(response.headers.get('X-Server-Time') ?? NaN)
      onClock((sentAt + Date.now()) / 2 - serverTime)
      if (response.ok && response.body) await read(response.body, controller)
      else wait = 1000 * Number(response.headers.get('Retry-After') ?? NaN)
    } catch {
      // The connection is lost, or `cancel` has aborted it.
    }
    if (current === controller) retryLater(wait)
  }

  async function read(
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    controller: AbortController,
  ): Promise<void> {
    const parser = createParser({
      onEvent({ event: name = '', id = '', data }) {
        if (current === controller) onEvent({ name, id, data })
      },
      onRetry: (ms) => (serverWait = ms),
    })
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || current !== controller) return
      heardAt = Date.now()
      isReadable = true
      if (!isOpen) opened()
      parser.feed(value)
    }
  }

  function opened(): void {
    isOpen = true
    failures = 0
    clearTimeout(downTimer)
    downTimer = undefined
    report('live')
  }

  function startDownTimer(): void {
    downTimer ??= setTimeout(report, DOWN_AFTER_MS, 'down')
  }

  function report(state: StreamState): void {
    if (state === reported) return
    reported = state
    onState(state)
  }

  /** `wait` is in milliseconds: what the response asked for, else null or NaN. */
  function retryLater(wait: number | null): void {
    if (reported !== 'down') report('lost')
    startDownTimer()
    // A browser or proxy that damages the compressed stream fails before the first event.
    if (!isReadable) plain = '&plain=1'
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** ++failures)
    const random = SHORTEST_WAIT_MS + Math.random() * (longest - SHORTEST_WAIT_MS)
    retryTimer = setTimeout(() => void connect(), isOpen ? serverWait : Math.max(wait || 0, random))
    isOpen = false
  }

  function refuse(controller: AbortController, status: number): void {
    if (current !== controller) return
    close()
    onRefused(status)
  }

  function checkSilence(): void {
    if (Date.now() - heardAt <= SILENCE_MS) return
    if (reported === 'live') report('lost')
    void connect()
  }

  function cancel(): void {
    clearTimeout(retryTimer)
    retryTimer = undefined
    current?.abort()
    current = null
    isOpen = false
  }

  function close(): void {
    cancel()
    clearTimeout(downTimer)
    clearInterval(silenceTimer)
    downTimer = silenceTimer = undefined
    failures = 0
    report('connecting')
  }

  return {
    /** Opens the stream, or opens it again with another address. */
    open(): void {
      void connect()
    },
    /** Checks the connection now: timers may have been suspended. */
    wake(reconnect: boolean): void {
      if (current === null) return
      // Each tab reports the same change of the network.
      const isNew = reconnect && Date.now() - reconnectedAt > SHORTEST_WAIT_MS
      if (isNew) reconnectedAt = Date.now()
      if (isNew || retryTimer !== undefined) void connect()
      else checkSilence()
    },
    close,
    isOpen: () => isOpen,
    state: () => reported,
  }
}

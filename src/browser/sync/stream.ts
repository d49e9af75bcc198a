import { importModule } from '../page/load-module.ts'
import type { Page } from '../page/page.ts'
import {
  holdLock,
  portOf,
  READ_BATCH,
  watchLock,
  type FromPage,
  type Port,
  type StreamState,
  type ToPage,
} from './messages.ts'

/** A worker that does not answer in this time is not used. */
const WORKER_TIMEOUT_MS = 10_000
const LONGEST_WAIT_MS = 8000

export interface StreamEvent {
  name: string
  /** The cursor after this event; empty if the frame has none. */
  id: string
  payload: unknown
}

export interface StreamOptions {
  onEvent(event: StreamEvent): void
  onState(state: StreamState): void
  /** Called if the server will not open the stream of this page again: 401 or 404. */
  onRefused(status: number): void
}

/**
 * Joins the stream that all tabs of this person share in a SharedWorker. Without such a worker, the page opens a stream
 * of its own while it is visible. The page leaves the stream while it is in the back/forward cache or frozen.
 */
export function joinStream(page: Page, { onEvent, onState, onRefused }: StreamOptions): void {
  const viewer = page.me?.id ?? ''
  let port: Port<FromPage, ToPage> | null = null
  let canShare = 'SharedWorker' in window
  let leaving = new AbortController()
  const footer = document.getElementById('stream-state')
  let read = 0
  let timer = 0

  function join(): void {
    if (canShare) use(openWorker(viewer, useOwnStream))
    // Over HTTP/1.1, the streams of six tabs would block all other requests of the browser to the site.
    else if (document.hidden) leave()
    else void openOwn()
  }

  function use(opened: Port<FromPage, ToPage>): void {
    leave()
    port = opened
    read = 0
    opened.listen((message) => {
      if (port === opened) receive(message)
    })
    opened.send({ kind: 'join', page: pageOf(page.stream), after: page.seq })
    if (!canShare) return
    awaitAnswer()
    holdLock(opened.send, leaving.signal)
  }

  function awaitAnswer(): void {
    clearTimeout(timer)
    if (canShare) timer = window.setTimeout(useOwnStream, WORKER_TIMEOUT_MS)
  }

  function useOwnStream(): void {
    if (!canShare) return
    canShare = false
    if (port) join()
  }

  async function openOwn(): Promise<void> {
    leave()
    const attempt = (port = { send() {}, listen() {}, close() {} })
    for (;;) {
      const module = await importModule(() => import('./joint-stream.ts')).catch(() => null)
      if (port !== attempt) return
      if (module) return use(module.openOwnStream(viewer))
      onState('down')
      await new Promise((resolve) => setTimeout(resolve, LONGEST_WAIT_MS * Math.random()))
    }
  }

  function receive(message: ToPage): void {
    clearTimeout(timer)
    if ('line' in message && footer) footer.textContent = message.line
    if (message.kind === 'full') return useOwnStream()
    if (message.kind === 'state') return onState(message.state)
    if (message.kind === 'lock') return watchLock(message, join, leaving.signal)
    if (message.kind === 'refused') return onRefused(message.status)
    const { name, id, data } = message
    onEvent({ name, id, payload: JSON.parse(data || '{}') })
    if (++read < READ_BATCH) return
    port?.send({ kind: 'read', count: read })
    read = 0
  }

  function leave(): void {
    clearTimeout(timer)
    port?.send({ kind: 'leave' })
    port?.close()
    port = null
    leaving.abort()
    leaving = new AbortController()
  }

  function wake(reconnect: boolean): void {
    if (!port) return
    awaitAnswer()
    port.send({ kind: 'wake', reconnect })
  }

  window.addEventListener('online', () => wake(true))
  document.addEventListener('visibilitychange', () => {
    if (!canShare) join()
    else if (!document.hidden) wake(false)
  })
  window.addEventListener('pagehide', leave)
  document.addEventListener('freeze', leave)
  document.addEventListener('resume', join)
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) join()
  })
  join()
}

/** The name has the build and the person, so that a page never shares a stream with another one of either. */
function openWorker(viewer: string, onError: () => void): Port<FromPage, ToPage> {
  const { pathname } = new URL(import.meta.url)
  const worker = new SharedWorker(document.body.dataset.worker!, {
    type: 'module',
    name: `${pathname} ${viewer}`,
  })
  worker.addEventListener('error', onError)
  return portOf(worker.port)
}

/** The text for `?with=`; empty for the home page. */
function pageOf(stream: string): string {
  return stream.replace(/^\/?/, '').replace(/\/?stream$/, '')
}

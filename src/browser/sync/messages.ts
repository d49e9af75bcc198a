/** The messages between a page and the joint stream of all tabs, which runs in a SharedWorker or in the page itself. */

export type FromPage =
  /** `page` is the text for `?with=`; empty for the home page. `after` is the cursor of the page. */
  | { kind: 'join'; page: string; after: string }
  | Lock
  /** The page closes, freezes, or enters the back/forward cache. */
  | { kind: 'leave' }
  /** The page became visible, or (`reconnect`) the browser is online again. */
  | { kind: 'wake'; reconnect: boolean }
  /** The page has read so many events since its last message of this kind. */
  | { kind: 'read'; count: number }

/** `line` is the text of the footer. */
export type ToPage =
  | Lock
  | ({ kind: 'event'; line: string } & ServerEvent)
  | { kind: 'state'; line: string; state: StreamState }
  /** The server does not open the stream for this page: 401, or 404 if the page is gone. */
  | { kind: 'refused'; status: number }
  /** The joint stream has as many pages as it can have. */
  | { kind: 'full' }

/** The sender holds the Web Lock `name` as long as it lives. Browsers have no other sign of a crash. */
export interface Lock {
  kind: 'lock'
  name: string
}

/** `lost` becomes `down` after 5 s without a stream. */
export type StreamState = 'connecting' | 'live' | 'lost' | 'down'

export interface ServerEvent {
  name: string
  /** The cursor after this event. */
  id: string
  /** JSON. */
  data: string
}

/** One end of a connection between a page and the joint stream. */
export interface Port<Out, In> {
  send(message: Out): void
  /** Sets the function that gets the messages of the other end. */
  listen(receive: (message: In) => void): void
  close(): void
}

/** Holds a lock with a random name until `signal` is aborted. Calls `onHeld` once it has it. Needs https or localhost. */
export function holdLock(onHeld: (lock: Lock) => void, signal?: AbortSignal): void {
  const name = `koafeed ${Math.random()}`
  void navigator.locks?.request(name, () => {
    if (signal?.aborted) return
    onHeld({ kind: 'lock', name })
    return new Promise((resolve) => signal?.addEventListener('abort', resolve))
  })
}

/** Calls `onDeath` when the holder of the lock has ended, unless `signal` is aborted before. */
export function watchLock({ name }: Lock, onDeath: () => void, signal?: AbortSignal): void {
  navigator.locks?.request(name, { mode: 'shared', ...(signal && { signal }) }, onDeath).catch(() => {})
}

export function portOf<Out, In>(port: MessagePort): Port<Out, In> {
  return {
    send: (message) => port.postMessage(message, []),
    listen(receive) {
      port.addEventListener('message', ({ data }) => receive(data as In))
      port.start()
    },
    close: () => port.close(),
  }
}

/** A page reports how many events it has read after each batch of this size. */
export const READ_BATCH = 50

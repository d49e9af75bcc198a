import { compareIds } from '../../shared/ids.ts'
import { get, toRequestError } from '../page/api.ts'
import type { Page } from '../page/page.ts'
import type { StreamEvent } from './stream.ts'

/** Events that are held during a fetch. Beyond this number they are dropped, and the state is fetched again. */
const MAX_HELD = 500
/** An instance can send a reset to all its clients in the same millisecond: each waits a random time up to this. */
const FIRST_DELAY_MS = 2000
const LONGEST_DELAY_MS = 30_000
/** A reset within this time after a follow on this page is caused by the follow, and goes to this viewer alone. */
const OWN_RESET_MS = 5000

export type Read = <T>(path: string) => Promise<T>

export interface ReceiverOptions {
  apply(event: StreamEvent): void
  /** Fetches the page's state and merges it. `read` throws if another reset has arrived: the state is then too old. */
  refetch(read: Read): Promise<void>
  /** Called with true while the page is known to be out of date, with false when it is current again. */
  onStale(stale: boolean): void
  /** Called if the viewer must not fetch the page any more: 401 or 404. */
  onRefused(status: number): void
}

/** Applies the events of the stream in order. After a reset, fetches the page's state and retries until it succeeds. */
export function createReceiver(page: Page, { apply, refetch, onStale, onRefused }: ReceiverOptions) {
  const held: StreamEvent[] = []
  let running = 0
  let queue = Promise.resolve()
  /** Counts the resets. State is too old if its fetch began before the newest reset. */
  let resets = 0
  let fetching = false

  function receive(event: StreamEvent): void {
    if (event.name === 'reset') reset(event.id)
    else if (running === 0) {
      if (!event.id || compareIds(event.id, page.seq) > 0) apply(event)
    } else if (held.push(event) > MAX_HELD) reset(page.seq)
  }

  /**
   * Runs `work`, which fetches something, and holds the events that arrive meanwhile. They are applied afterwards,
   * which does no harm if the fetched state contains them. Only one `work` runs at a time, so that none of them shows
   * state that is older than the page.
   */
  function holdDuring(work: () => Promise<void>): void {
    running += 1
    queue = queue.then(work).finally(() => {
      running -= 1
      if (running === 0) for (const event of held.splice(0)) receive(event)
    })
  }

  /**
   * Sets the cursor to `seq`, even if it is lower than before: the database went back to an earlier state. Drops the
   * held events, because the state that is fetched from now on contains them.
   */
  function reset(seq: string): void {
    if (seq) page.seq = seq
    held.length = 0
    resets += 1
    if (!fetching) holdDuring(fetchState)
    fetching = true
  }

  async function fetchState(): Promise<void> {
    let failures = 0
    for (let current = -1; current !== resets;) {
      await untilVisible()
      await pause(delayAfter(failures))
      current = resets
      try {
        await refetch((path) => readSince(current, path))
        onStale(false)
      } catch (error) {
        if (current !== resets) continue
        const { status } = toRequestError(error)
        if (status === 401 || status === 404) {
          onRefused(status)
          break
        }
        failures += 1
        current = -1
        onStale(true)
      }
    }
    fetching = false
  }

  async function readSince<T>(current: number, path: string): Promise<T> {
    const response = await get<T>(path, page.seq)
    if (current !== resets) throw new Error('A later reset supersedes this fetch')
    return response
  }

  function delayAfter(failures: number): number {
    if (failures === 0 && Date.now() - page.followedAt < OWN_RESET_MS) return 0
    const longest = failures ? Math.min(LONGEST_DELAY_MS, 1000 * 2 ** failures) : FIRST_DELAY_MS
    return Math.random() * longest
  }

  return { receive, holdDuring }
}

/** A hidden page fetches its state when it is shown. */
function untilVisible(): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (document.hidden) return
      document.removeEventListener('visibilitychange', check)
      resolve()
    }
    document.addEventListener('visibilitychange', check)
    check()
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

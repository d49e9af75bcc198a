import { asRefused, get } from '../page/api.ts'
import { compareIds, type Page } from '../page/page.ts'
import type { StreamEvent } from './stream.ts'

/** Events that are held while state is being fetched. Beyond this number they are dropped and the state is fetched again. */
const MAX_HELD = 500
/** An instance can send a reset to all its clients in the same millisecond: each waits a random time up to this. */
const FIRST_DELAY_MS = 2000
const LONGEST_DELAY_MS = 30_000
/** A reset so soon after the viewer followed someone on this page is due to that: nobody else gets it. */
const OWN_RESET_MS = 5000

export type Read = <T>(path: string) => Promise<T>

export interface ReceiverOptions {
  apply(event: StreamEvent): void
  /** Fetches the page's state and merges it. `read` throws once the state has to be fetched anew. */
  refetch(read: Read): Promise<void>
  /** Called with true while the page is known to be out of date, with false once it is current. */
  onStale(stale: boolean): void
  /** Called when the page may not be fetched any more: 401 or 404. */
  onRefused(status: number): void
}

/** Applies the events of the stream in order. After a reset it fetches the page's state, as often as that takes. */
export function createReceiver(page: Page, { apply, refetch, onStale, onRefused }: ReceiverOptions) {
  const held: StreamEvent[] = []
  let running = 0
  let queue = Promise.resolve()
  /** Counts the resets. State whose fetch began before the newest one is too old. */
  let resets = 0
  let reloading = false

  function receive(event: StreamEvent): void {
    if (event.name === 'reset') reload(event.id)
    else if (running === 0) {
      if (!event.id || compareIds(event.id, page.seq) > 0) apply(event)
    } else if (held.push(event) > MAX_HELD) reload(page.seq)
  }

  /**
   * Runs one fetch after the other, so that none of them brings state that is older than the page. Events that arrive
   * meanwhile are applied afterwards; applying one that the fetched state contains does no harm.
   */
  function hold(work: () => Promise<void>): void {
    running += 1
    queue = queue.then(work).finally(() => {
      running -= 1
      if (running === 0) for (const event of held.splice(0)) receive(event)
    })
  }

  /**
   * The numbers of later events follow `seq`, even where it is lower than before because the database went back. The
   * state that is fetched from now on contains the events that are held.
   */
  function reload(seq: string): void {
    if (seq) page.seq = seq
    held.length = 0
    resets += 1
    if (!reloading) hold(fetchState)
    reloading = true
  }

  async function fetchState(): Promise<void> {
    let failures = 0
    for (let current = -1; current !== resets;) {
      await pause(delayAfter(failures))
      current = resets
      try {
        await refetch((path) => readSince(current, path))
        onStale(false)
      } catch (error) {
        if (current !== resets) continue
        const { status } = asRefused(error)
        if (status === 401 || status === 404) {
          onRefused(status)
          break
        }
        failures += 1
        current = -1
        onStale(true)
      }
    }
    reloading = false
  }

  async function readSince<T>(current: number, path: string): Promise<T> {
    const answer = await get<T>(path)
    if (current !== resets) throw new Error('A later reset supersedes this fetch')
    return answer
  }

  function delayAfter(failures: number): number {
    if (failures === 0 && Date.now() - page.followedAt < OWN_RESET_MS) return 0
    const longest = failures ? Math.min(LONGEST_DELAY_MS, 1000 * 2 ** failures) : FIRST_DELAY_MS
    return Math.random() * longest
  }

  return { receive, hold }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

import { Unavailable } from '../../lib/errors.ts'
import type { GroupSession } from './session.ts'
import type { GroupWrite, Outcome } from './transaction.ts'

/** PostgreSQL keeps 64 subtransactions per transaction in memory; more would slow down every snapshot. */
const MAX_GROUP = 60
const MAX_GROUP_BYTES = 512 * 1024
const MAX_WAITING = 600
const MAX_WAITING_BYTES = 4 * 1024 * 1024

export type FinalOutcome = Exclude<Outcome, 'again'>

/**
 * Commits a write together with others. Waits up to `maxWait` ms until its group begins.
 * @throws Unavailable if the queue is full or the wait times out; the write then never runs
 */
export type Gather = (write: GroupWrite, maxWait: number) => Promise<FinalOutcome>

interface Waiting {
  write: GroupWrite
  bytes: number
  isExpired: boolean
  resolve(outcome: FinalOutcome): void
  reject(error: Error): void
}

/**
 * Gathers the writes that arrive while a group commits, and commits them as the next group. Many writes then share one
 * flush to disk, one lock of the log and one notification per listener. A write that arrives while no group commits
 * does not wait.
 */
export function createGroupQueue(session: GroupSession, onGroup: (size: number) => void = () => {}): Gather {
  const queue = new Set<Waiting>()
  let bytes = 0
  let isCommitting = false

  function add(waiting: Waiting): void {
    if (waiting.isExpired) return waiting.reject(new Unavailable())
    queue.add(waiting)
    bytes += waiting.bytes
  }

  function remove(waiting: Waiting): boolean {
    if (!queue.delete(waiting)) return false
    bytes -= waiting.bytes
    return true
  }

  /** All groups lock rows in the same order, so that the groups of several instances do not deadlock. */
  function takeGroup(): Waiting[] {
    const group: Waiting[] = []
    let size = 0
    for (const waiting of queue) {
      size += waiting.bytes
      if (group.length === MAX_GROUP || (group.length > 0 && size > MAX_GROUP_BYTES)) break
      group.push(waiting)
    }
    group.forEach(remove)
    return group.sort((a, b) => collator.compare(a.write.row, b.write.row))
  }

  async function commitAll(): Promise<void> {
    isCommitting = true
    while (queue.size > 0) {
      const group = takeGroup()
      const outcomes = await session.commit(group.map(({ write }) => write))
      onGroup(group.length)
      for (const [n, outcome] of outcomes.entries()) {
        if (outcome === 'again') add(group[n]!)
        else group[n]!.resolve(outcome)
      }
    }
    isCommitting = false
  }

  return async (write, maxWait) => {
    const { promise, resolve, reject } = Promise.withResolvers<FinalOutcome>()
    const waiting: Waiting = { write, bytes: sizeOf(write), isExpired: false, resolve, reject }
    if (queue.size >= MAX_WAITING || bytes + waiting.bytes > MAX_WAITING_BYTES) throw new Unavailable()
    const timer = setTimeout(() => {
      waiting.isExpired = true
      if (remove(waiting)) reject(new Unavailable())
    }, maxWait)
    add(waiting)
    if (!isCommitting) void commitAll()
    return promise.finally(() => clearTimeout(timer))
  }
}

/** Compares the numbers in "posts 9" and "posts 10" as numbers. */
const collator = new Intl.Collator('en', { numeric: true })

/** The text of a statement is the same for many writes, so only its values count. */
function sizeOf({ values }: GroupWrite): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length * 3 : 8), 0)
}

import type { Connection } from '../../../src/stream/clients/connection.ts'
import { mayReceive, needsReset, type Audience } from '../audience.ts'
import { parseBlock, type Block } from '../world/blocks.ts'
import type { Committed, SimulatedLog } from '../world/log.ts'
import type { Stamp } from '../world/wire.ts'

/** The time that a stream may continue after its instance received the end of a right. */
const END_WITHIN_MS = 2_000
const MOST_WAITING_BYTES = 1024 * 1024

export interface ConnectionCheck {
  /** The view of the log at the next write that reaches the wire. */
  nextStamp(): Stamp
  /** The instance received a change of rights. */
  hear(committed: Committed): void
}

export interface CheckDeps {
  log: SimulatedLog
  audience: Audience
  /** The last event that the instance had relayed when the client requested the stream. */
  position: number
  stamp(): Stamp
  now(): number
  after(ms: number, run: () => void): void
  /** Whether the client has always read everything at once. */
  isFast(): boolean
  fail(why: string): void
}

/** Checks each write of one connection when the stream layer makes it. */
export function checkConnection(connection: Connection, deps: CheckDeps): ConnectionCheck {
  const { log, fail, now } = deps
  const audience = { ...deps.audience }
  const stamps: Stamp[] = []
  const begun = deps.stamp()
  const write = connection.write.bind(connection)
  const end = connection.end.bind(connection)
  const destroy = connection.destroy.bind(connection)
  let first: number | null = null
  let last = 0
  let resetAt = 0
  let isEnding = false
  let isOpen = false

  connection.write = (block) => {
    if (!connection.closed() && !isEnding) {
      const stamp = deps.stamp()
      stamps.push(stamp)
      check(parseBlock(block.bytes('identity')), stamp)
    }
    write(block)
    if (connection.waitingBytes() > MOST_WAITING_BYTES)
      fail(`${connection.waitingBytes()} bytes wait for one client`)
  }
  connection.end = (retry) => {
    if (isEnding) return
    if (retry === undefined) end()
    else end(retry)
    isEnding = true
  }
  connection.destroy = () => {
    if (!connection.closed() && !isEnding && deps.isFast()) {
      fail(`a client that reads at once was cut with ${connection.waitingBytes()} bytes waiting`)
    }
    destroy()
  }

  function check(block: Block, stamp: Stamp): void {
    const { id, event } = block
    isOpen = true
    if (id === null) return
    if (event === 'reset') resetAt = id
    else if (event === '' || event === 'beat') {
      if (id < last) fail(`a ${event || 'start'} moved from ${last} back to ${id}`)
    } else {
      if (id <= last) fail(`${event} ${id} was sent after ${last}`)
      if (id <= stamp.limit && !isOfLostState()) checkEvent(id, block, stamp)
    }
    first ??= id
    last = id
  }

  /**
   * Whether the rights were read from a state that the database has lost, and that the instance had not reached. The
   * instance cannot notice that.
   */
  function isOfLostState(): boolean {
    return first !== null && !log.isValid(first, begun.generation)
  }

  function checkEvent(id: number, { event, payload }: Block, stamp: Stamp): void {
    const committed = log.find(id, log.timelines[stamp.generation])
    if (!committed) return fail(`${event} ${id} was never written`)
    if (!mayReceive(log, audience, committed)) fail(`${event} ${id} was sent without a right to it`)
    const shown = committed.row.payload as Block['payload']
    if (shown.post?.id !== payload.post?.id) fail(`${event} ${id} has the content of another event`)
    if (stamp.generation === begun.generation && stamp.limit === Infinity) checkText(id, payload)
  }

  /** What was edited or deleted before the stream began is not in it. */
  function checkText(id: number, { post, comment }: Block['payload']): void {
    if (post?.body === undefined) return
    const versions = log.posts.get(Number(post.id))?.versions.filter(({ seq }) => seq <= deps.position) ?? []
    const known = versions.at(-1)
    if (!known || known.seq < id) return
    const later = log.posts.get(Number(post.id))!.versions.filter(({ seq }) => seq >= known.seq)
    if (!later.some(({ body }) => body === post.body)) fail(`event ${id} shows the old text "${post.body}"`)
    for (const { id: shown, body } of [...(post.comments ?? []), ...(comment ? [comment] : [])]) {
      const isCurrent = later.some(({ comments }) =>
        comments.some((one) => String(one.id) === shown && one.body === body),
      )
      if (body !== undefined && !isCurrent) fail(`event ${id} shows the old comment "${body}"`)
    }
  }

  return {
    nextStamp: () => stamps.shift()!,
    hear(committed) {
      const { row } = committed
      if (row.payload.action !== 'ended' || !isOpen || last >= row.seq) return
      if (!needsReset(audience, committed)) return
      const heardAt = now()
      deps.after(END_WITHIN_MS + 1, () => {
        if (isEnding || connection.closed() || resetAt >= row.seq) return
        fail(`a stream continued ${now() - heardAt} ms after its right ended with ${row.seq}`)
      })
    },
  }
}

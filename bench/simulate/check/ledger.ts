import { mayReceive, needsReset, type Audience } from '../audience.ts'
import type { Block } from '../world/blocks.ts'
import type { SimulatedLog } from '../world/log.ts'
import type { Stamp } from '../world/wire.ts'

export interface Position {
  seq: number
  generation: number
}

/** Records what one client has, and checks that it has everything up to its cursor. */
export interface Ledger {
  cursor(): Position
  /** The page was loaded from a snapshot, at which its stream begins. */
  load(snapshot: Position): void
  /** The page continues from an earlier cursor, with the state that it showed then. */
  resumeFrom(earlier: Position): void
  receive(block: Block, stamp: Stamp): void
  /** The state was loaded again after a reset. */
  refetched(snapshot: Position): void
  needsFetch(): boolean
  /** Its cursor belongs to a state that the database has lost, and no server can recognize that. */
  isExempt(): boolean
  /** Describes what is missing at the end; null if nothing is. */
  missing(): string | null
}

export function createLedger(log: SimulatedLog, audience: Audience, fail: (why: string) => void): Ledger {
  let cursor: Position = { seq: 0, generation: 0 }
  /** The loaded state contains everything up to this `seq`. */
  let base = 0
  let received = new Set<number>()
  let mustFetch = false
  let exempt = false

  const isStale = (): boolean => !log.isValid(cursor.seq, cursor.generation)

  /** Describes what the client lacks of the events between two numbers. */
  function findMissing(after: number, through: number, generation: number): string | null {
    const rows = log.timelines[generation]!
    for (let index = log.indexAfter(after, rows); index < rows.length; index++) {
      const committed = rows[index]!
      const { seq, event } = committed.row
      if (seq > through) return null
      if (seq <= base || received.has(seq)) continue
      if (needsReset(audience, committed)) return `no reset for the ${event} change ${seq}`
      if (mayReceive(log, audience, committed)) return `${event} ${seq} is missing`
    }
    return null
  }

  function advance(seq: number, { generation, limit }: Stamp): void {
    if (isStale()) exempt = true
    // The state that is loaded after a reset contains all earlier commits. `refetched` checks the rest.
    if (!exempt && !mustFetch) {
      const missing = findMissing(cursor.seq, Math.min(seq, limit), generation)
      if (missing) fail(`the cursor moved from ${cursor.seq} to ${seq}, but ${missing}`)
    }
    cursor = { seq, generation }
  }

  return {
    cursor: () => cursor,
    load(snapshot) {
      cursor = snapshot
      base = snapshot.seq
      received = new Set()
      mustFetch = false
      exempt = false
    },
    resumeFrom(earlier) {
      cursor = earlier
      base = earlier.seq
      received = new Set()
      mustFetch = false
      exempt = false
    },
    receive({ id, event }, stamp) {
      if (id === null) return
      if (event === 'reset') {
        cursor = { seq: id, generation: stamp.generation }
        base = id
        received = new Set()
        mustFetch = true
        return
      }
      if (event !== '' && event !== 'beat') {
        if (received.has(id)) fail(`${event} ${id} came twice`)
        received.add(id)
      }
      if (id < cursor.seq) fail(`the cursor moved back from ${cursor.seq} to ${id}`)
      advance(id, stamp)
    },
    refetched(snapshot) {
      base = log.isValid(base, cursor.generation) ? Math.max(base, snapshot.seq) : snapshot.seq
      mustFetch = false
      exempt = false
      if (isStale() || snapshot.generation !== cursor.generation) return
      const missing = findMissing(base, cursor.seq, cursor.generation)
      if (missing) fail(`after a reset, at ${cursor.seq}, ${missing}`)
    },
    needsFetch: () => mustFetch,
    isExempt: () => exempt || isStale(),
    missing() {
      if (exempt || isStale()) return null
      if (mustFetch) return 'the state after a reset was not loaded'
      return findMissing(base, Infinity, log.generation())
    },
  }
}

import type { Listener } from '../../../src/stream/relay/listener.ts'
import type { SimulatedLog } from '../world/log.ts'
import type { Stamp } from '../world/wire.ts'

/** Which timeline of the log an instance follows: after the database went back, that is for a while the lost one. */
export interface TimelineView {
  stamp(): Stamp
  /** A notification has arrived. */
  hear(text: string): void
  /** The listener has noticed that LISTEN was lost. */
  lose(): void
  /** The database went back to this number. */
  fork(seq: number): void
}

export function createTimelineView(
  log: SimulatedLog,
  listener: () => Pick<Listener, 'newest' | 'counters'>,
): TimelineView {
  let generation = log.generation()
  let limit = Infinity
  let epochs = 0
  /** Whether the instance may accept, or has accepted, a row that the database has lost. */
  let hasLostRows = false
  /** The highest number received since LISTEN was last lost. It may be held until the gap before it is read. */
  let newestHeard = 0

  function follow(): void {
    generation = log.generation()
    limit = Infinity
    hasLostRows = false
  }

  function stamp(): Stamp {
    if (listener().counters().epochs > epochs) {
      epochs = listener().counters().epochs
      follow()
    }
    return { generation, limit }
  }

  return {
    stamp,
    hear(text) {
      const seq = Number.parseInt(text.slice('{"seq":'.length), 10)
      newestHeard = Math.max(newestHeard, seq)
      const present = log.find(seq)
      if (seq > limit && (!present || log.textOf(present) !== text)) hasLostRows = true
    },
    lose() {
      newestHeard = 0
      // Held events are dropped now, so only accepted events can be lost.
      if (!hasLostRows || listener().newest() <= limit) follow()
    },
    fork(seq) {
      stamp()
      limit = Math.min(limit, seq)
      hasLostRows ||= Math.max(newestHeard, listener().newest()) > seq
    },
  }
}

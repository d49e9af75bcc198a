import { encodeSse } from '../lib/sse.ts'
import { isRightsChange, type LogRow } from './events.ts'

/** An event as the hub keeps it: with its bytes, encoded once for all who get it; or the row, where it is about rights. */
export interface Frame {
  seq: number
  topics: string[]
  bytes: Buffer | null
  change: LogRow | null
}

export function toFrame(row: LogRow): Frame {
  const { seq, event, topics, payload } = row
  if (isRightsChange(row)) return { seq, topics, bytes: null, change: row }
  const bytes = Buffer.from(encodeSse({ id: seq, event, data: JSON.stringify(payload) }))
  return { seq, topics, bytes, change: null }
}

/** How much history may be written at one go, before the client has taken it. */
const CHUNK_BYTES = 256 * 1024

/** The first of these frames, as many as may be written at one go. */
export function firstChunk(frames: Frame[]): Frame[] {
  let bytes = 0
  const end = frames.findIndex((frame) => (bytes += frame.bytes?.length ?? 0) > CHUNK_BYTES)
  return end === -1 ? frames : frames.slice(0, Math.max(end, 1))
}

/**
 * The most recent frames, so that a client that was away for a moment costs no query. Holds at most `maxFrames` and
 * `maxBytes`; what is older has to come from the log.
 */
export interface Ring {
  push(frame: Frame): void
  /** Every frame after `seq`, or null where the ring does not reach back that far. */
  after(seq: number): Frame[] | null
  /** Everything after this number is in the ring. */
  floor(): number
  clear(floor: number): void
}

export function createRing({ maxFrames = 4_096, maxBytes = 16 * 1024 * 1024 } = {}): Ring {
  let frames: Frame[] = []
  let bytes = 0
  let floor = 0

  function dropOldest(): void {
    const oldest = frames.shift()!
    floor = oldest.seq
    bytes -= oldest.bytes?.length ?? 0
  }

  return {
    push(frame) {
      frames.push(frame)
      bytes += frame.bytes?.length ?? 0
      while (frames.length > maxFrames || (bytes > maxBytes && frames.length > 1)) dropOldest()
    },
    after(seq) {
      if (seq < floor) return null
      let low = 0
      let high = frames.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if (frames[middle]!.seq > seq) high = middle
        else low = middle + 1
      }
      return frames.slice(low)
    },
    floor: () => floor,
    clear(newFloor) {
      frames = []
      bytes = 0
      floor = newFloor
    },
  }
}

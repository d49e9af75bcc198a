import { heldBytes } from '../encoding/block.ts'
import { isAffected, type Frame } from '../log/frame.ts'

/**
 * The most recent frames, so that a client that reconnects soon needs no query. Holds at most `maxFrames` frames and
 * `maxBytes` bytes of both encodings; older events must be read from the log.
 */
export interface Ring {
  push(frame: Frame): void
  /** Returns the frames after `seq`; null if the ring does not have all of them. */
  after(seq: number): Frame[] | null
  /** Drops the text of the frames that `outdated` affects. Their current text must be read from the log. */
  markOutdated(outdated: string): void
  /** Everything after this number is in the ring. */
  floor(): number
  clear(floor: number): void
}

export function createRing({ maxFrames = 4_096, maxBytes = 32 * 1024 * 1024 } = {}): Ring {
  let frames: Frame[] = []
  let bytes = 0
  let floor = 0

  function dropOldest(): void {
    const oldest = frames.shift()!
    floor = oldest.seq
    bytes -= heldBytes(oldest.block)
  }

  return {
    push(frame) {
      frames.push(frame)
      bytes += heldBytes(frame.block)
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
    markOutdated(outdated) {
      for (const frame of frames) {
        if (frame.block === null || !isAffected(frame, outdated)) continue
        bytes -= heldBytes(frame.block)
        frame.block = null
      }
    },
    floor: () => floor,
    clear(newFloor) {
      frames = []
      bytes = 0
      floor = newFloor
    },
  }
}

import type { Db } from '../lib/db.ts'
import { oldestSeq, readLogBlock } from './log.ts'
import { toFrame, type Frame } from './ring.ts'

/**
 * Numbers in a block: blocks begin at its multiples, so that clients with different cursors share them. It holds about
 * as much as a client is given at one go: who takes less than a block asks for it again.
 */
const BLOCK = 50
/** What is kept of blocks; with cards of ordinary length each has about a hundred kilobytes. */
const MAX_BYTES = 16 * 1024 * 1024

/** What a frame costs besides its bytes, of which those about rights have none. */
const FRAME_BYTES = 512

const OLDEST_FOR_MS = 1_000

/** What is in the log but no longer in the ring. */
export interface History {
  /**
   * Some events after `seq`, in order, encoded; `through` tells how far they reach, so that a block without events
   * is passed too. Null where the log no longer reaches back that far.
   */
  after(seq: number): Promise<{ frames: Frame[]; through: number } | null>
  /** The oldest number that the log holds, 0 where it is empty; read at most once a second. */
  oldest(): Promise<number>
  /** Forgets what it has read: the database went back. */
  clear(): void
}

interface Block {
  frames: Frame[]
  /** Everything up to here is in `frames`, or was never committed. */
  through: number
  /** The oldest number that the log held in the snapshot of this block. */
  oldest: number
}

interface Kept {
  block: Promise<Block>
  /** Once it is read. */
  bytes: number
}

/**
 * Reads the log in blocks, each of them once for all who ask for it at the same time or soon after. A block at or
 * below the position is complete for good: numbers are handed out in the order of commits.
 */
export function createHistory(db: Db, position: () => number): History {
  const blocks = new Map<number, Kept>()

  function read(start: number): Promise<Block> {
    const kept = blocks.get(start)
    if (kept) {
      blocks.delete(start) // to the end: the least recently used goes first
      blocks.set(start, kept)
      return kept.block
    }
    const end = start + BLOCK - 1
    const sure = Math.min(end, position()) // before the read: its snapshot is no older than this
    const block = readLogBlock(db, start, end).then(({ rows, oldest }) => ({
      frames: rows.map(toFrame),
      through: Math.max(sure, rows.at(-1)?.seq ?? 0),
      oldest,
    }))
    const fresh: Kept = { block, bytes: 0 }
    blocks.set(start, fresh)
    const forget = (): unknown => blocks.delete(start)
    block.then(({ frames }) => (sure === end ? weigh(fresh, frames) : forget()), forget)
    return block
  }

  /** Drops what was used least recently; the last one stays in any case, for those who ask for it now. */
  function weigh(fresh: Kept, frames: Frame[]): void {
    fresh.bytes = frames.reduce((sum, frame) => sum + (frame.bytes?.length ?? 0) + FRAME_BYTES, 0)
    let bytes = 0
    for (const [n, [start, kept]] of [...blocks].toReversed().entries()) {
      bytes += kept.bytes
      if (n > 0 && bytes > MAX_BYTES) blocks.delete(start)
    }
  }

  let oldest: { read: Promise<number>; at: number } | null = null

  return {
    oldest() {
      if (oldest === null || Date.now() - oldest.at > OLDEST_FOR_MS) {
        oldest = { read: oldestSeq(db), at: Date.now() }
        oldest.read.catch(() => {
          oldest = null
        })
      }
      return oldest.read
    },
    async after(seq) {
      const start = Math.floor((seq + 1) / BLOCK) * BLOCK
      const { frames, through, oldest } = await read(start)
      if (seq < oldest - 1) return null
      return { frames: frames.filter((frame) => frame.seq > seq), through }
    },
    clear: () => blocks.clear(),
  }
}

import { LRUCache } from 'lru-cache'
import type { Limiter } from '../../lib/limiter.ts'
import { heldBytes } from '../encoding/block.ts'
import { isAffected, type Frame } from '../log/frame.ts'
import type { LogReader } from '../log/reader.ts'

/** Rows per read, of up to 20 kB each. */
const MAX_ROWS = 100
/** Of both encodings. */
const MAX_BYTES = 32 * 1024 * 1024
/** Memory of a frame besides its block. */
const FRAME_BYTES = 512

/** A cache of frames of the log. Each is read once for all streams that need it at about the same time. */
export interface Archive {
  /** Returns the frames with these numbers, in order. Leaves out those that the log no longer has. */
  load(seqs: number[]): Promise<Frame[]>
  /** Drops the frames that `outdated` affects, including those that are being read. */
  markOutdated(outdated: string): void
  /** Drops everything: the log went back. */
  clear(): void
}

interface Read {
  seqs: number[]
  /** Changes since the read began. Its result may be from before them. */
  outdated: Set<string>
}

type Waiter = PromiseWithResolvers<Frame | null>

export function createArchive(reader: Pick<LogReader, 'readFrames'>, limiter: Limiter): Archive {
  const frames = new LRUCache<number, Frame>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ block }) => heldBytes(block) + FRAME_BYTES,
  })
  /** Numbers that wait for a read. */
  const queued = new Map<number, Waiter>()
  const reading = new Map<number, Waiter>()
  const reads = new Set<Read>()
  let scheduled = 0

  function wait(seq: number): Promise<Frame | null> {
    const waiter = reading.get(seq) ?? queued.get(seq)
    if (waiter) return waiter.promise
    const fresh: Waiter = Promise.withResolvers()
    queued.set(seq, fresh)
    return fresh.promise
  }

  /** Schedules as many reads as the queue needs; `limiter` limits how many run at the same time. */
  function schedule(): void {
    while (scheduled * MAX_ROWS < queued.size) {
      scheduled += 1
      void limiter(readNext)
    }
  }

  async function readNext(): Promise<void> {
    scheduled -= 1
    const batch = [...queued].slice(0, MAX_ROWS)
    for (const [seq, waiter] of batch) {
      queued.delete(seq)
      reading.set(seq, waiter)
    }
    const read: Read = { seqs: batch.map(([seq]) => seq), outdated: new Set() }
    reads.add(read)
    try {
      resolveRead(read, await reader.readFrames(read.seqs))
    } catch (error) {
      for (const seq of read.seqs) take(seq)?.reject(error)
    } finally {
      reads.delete(read)
      schedule()
    }
  }

  /** Resolves the waiters with their frames. Frames that changed since the read began are read again. */
  function resolveRead(read: Read, found: Frame[]): void {
    const bySeq = new Map(found.map((frame) => [frame.seq, frame]))
    for (const seq of read.seqs) {
      const frame = bySeq.get(seq) ?? null
      const waiter = take(seq)
      if (!waiter) continue
      if (frame && [...read.outdated].some((outdated) => isAffected(frame, outdated))) {
        queued.set(seq, waiter)
        continue
      }
      if (frame) frames.set(seq, frame)
      waiter.resolve(frame)
    }
  }

  function take(seq: number): Waiter | undefined {
    const waiter = reading.get(seq)
    reading.delete(seq)
    return waiter
  }

  const archive: Archive = {
    async load(seqs) {
      const wanted = seqs.map(async (seq) => frames.get(seq) ?? (await wait(seq)))
      schedule()
      return (await Promise.all(wanted)).filter((frame) => frame !== null)
    },
    markOutdated(outdated) {
      for (const [seq, frame] of frames.entries()) if (isAffected(frame, outdated)) frames.delete(seq)
      for (const read of reads) read.outdated.add(outdated)
    },
    clear: () => archive.markOutdated('all'),
  }
  return archive
}

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
  const queue = new ReadQueue(reader, limiter, (frame) => frames.set(frame.seq, frame))

  const archive: Archive = {
    async load(seqs) {
      const wanted = seqs.map(async (seq) => frames.get(seq) ?? (await queue.read(seq)))
      queue.schedule()
      return (await Promise.all(wanted)).filter((frame) => frame !== null)
    },
    markOutdated(outdated) {
      for (const [seq, frame] of frames.entries()) if (isAffected(frame, outdated)) frames.delete(seq)
      queue.markOutdated(outdated)
    },
    clear: () => archive.markOutdated('all'),
  }
  return archive
}

/** Reads each frame once for all that wait for it, up to `MAX_ROWS` at a time. `keep` gets the frames that are current. */
class ReadQueue {
  /** Numbers that wait for a read. */
  private readonly queued = new Map<number, Waiter>()
  private readonly reading = new Map<number, Waiter>()
  private readonly reads = new Set<Read>()
  private scheduled = 0
  private readonly reader: Pick<LogReader, 'readFrames'>
  private readonly limiter: Limiter
  private readonly keep: (frame: Frame) => void

  constructor(reader: Pick<LogReader, 'readFrames'>, limiter: Limiter, keep: (frame: Frame) => void) {
    this.reader = reader
    this.limiter = limiter
    this.keep = keep
  }

  /** Resolves after `schedule`, with null if the log does not have the event. */
  read(seq: number): Promise<Frame | null> {
    const waiter = this.reading.get(seq) ?? this.queued.get(seq) ?? Promise.withResolvers<Frame | null>()
    if (!this.reading.has(seq)) this.queued.set(seq, waiter)
    return waiter.promise
  }

  /** Schedules as many reads as the queue needs; `limiter` limits how many run at the same time. */
  schedule(): void {
    while (this.scheduled * MAX_ROWS < this.queued.size) {
      this.scheduled += 1
      void this.limiter(() => this.readNext())
    }
  }

  markOutdated(outdated: string): void {
    for (const read of this.reads) read.outdated.add(outdated)
  }

  private async readNext(): Promise<void> {
    this.scheduled -= 1
    const batch = [...this.queued].slice(0, MAX_ROWS)
    for (const [seq, waiter] of batch) {
      this.queued.delete(seq)
      this.reading.set(seq, waiter)
    }
    const read: Read = { seqs: batch.map(([seq]) => seq), outdated: new Set() }
    this.reads.add(read)
    try {
      this.resolve(read, await this.reader.readFrames(read.seqs))
    } catch (error) {
      for (const seq of read.seqs) this.take(seq)?.reject(error)
    } finally {
      this.reads.delete(read)
      this.schedule()
    }
  }

  /** Resolves the waiters with their frames. Frames that changed since the read began are read again. */
  private resolve(read: Read, found: Frame[]): void {
    const bySeq = new Map(found.map((frame) => [frame.seq, frame]))
    for (const seq of read.seqs) {
      const frame = bySeq.get(seq) ?? null
      const waiter = this.take(seq)
      if (!waiter) continue
      if (frame && [...read.outdated].some((outdated) => isAffected(frame, outdated))) {
        this.queued.set(seq, waiter)
        continue
      }
      if (frame) this.keep(frame)
      waiter.resolve(frame)
    }
  }

  private take(seq: number): Waiter | undefined {
    const waiter = this.reading.get(seq)
    this.reading.delete(seq)
    return waiter
  }
}

import { createBlock, type Block } from '../encoding/block.ts'
import { isRightsChange, type LogRow } from './events.ts'

/** An event, encoded once per instance for all its clients. */
export interface Frame {
  readonly seq: number
  readonly topics: readonly string[]
  /** The post that the event shows, if it shows one. */
  readonly post: string | null
  /** The encoded event; null for a change of rights, and if the text is outdated and must be read again. */
  block: Block | null
  /** The row, for a change of rights. */
  readonly rights: LogRow | null
}

export function toFrame(row: LogRow): Frame {
  const { seq, event, topics, payload } = row
  if (isRightsChange(row)) return { seq, topics, post: null, block: null, rights: row }
  return {
    seq,
    topics,
    post: postOf(payload),
    block: createBlock({ id: seq, event, data: JSON.stringify(payload) }),
    rights: null,
  }
}

/** Whether the frame must be read again before it can be sent. */
export function isOutdated({ block, rights }: Frame): boolean {
  return block === null && rights === null
}

/**
 * Returns the post whose earlier events show text that this event edits or deletes, so that they must be read again
 * before a replay; `all` if it may be any post; null if it is none.
 */
export function outdatedBy({ event, payload }: LogRow): string | null {
  if (event === 'account') return 'all'
  const { action, user } = payload as { action?: string; user?: { username?: string } }
  const isRemoval = action === 'removed' && user?.username === undefined // the liker's account is deleted
  return isRemoval || action === 'edited' || action === 'deleted' || action === 'withdrawn'
    ? postOf(payload)
    : null
}

/** Whether the frame must be read again once `outdated`, a result of `outdatedBy`, has been relayed. */
export function isAffected({ post }: Frame, outdated: string): boolean {
  return outdated === 'all' || post === outdated
}

function postOf(payload: Record<string, unknown>): string | null {
  return (payload.post as { id?: string } | undefined)?.id ?? null
}

/** Bytes of history that are written before the replay waits for the client. */
export const CHUNK_BYTES = 256 * 1024

/** Returns the first frames that fit into a chunk, at least one. */
export function firstChunk(frames: Frame[]): Frame[] {
  let bytes = 0
  const end = frames.findIndex((frame) => (bytes += frame.block?.length ?? 0) > CHUNK_BYTES)
  return end === -1 ? frames : frames.slice(0, Math.max(end, 1))
}

export function hasTopic({ topics }: Frame, wanted: ReadonlySet<string>): boolean {
  return topics.some((topic) => wanted.has(topic))
}

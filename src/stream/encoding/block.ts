import { encode, type EventSourceChunk } from 'eventsource-encoder'
import { toZstdFrame } from './zstd.ts'

/** The encoding of a stream: its `Content-Encoding`. */
export type Encoding = 'identity' | 'zstd'

/** A block of an event stream, for clients of each encoding. */
export interface Block {
  /** Bytes of its text. */
  readonly length: number
  /** Returns the same buffer to each client of an encoding. Compresses the text when the first client needs it. */
  bytes(encoding: Encoding): Buffer
}

export function createBlock(fields: EventSourceChunk): Block {
  return toBlock(encode(fields))
}

export function toBlock(block: string): Block {
  const text = Buffer.from(block)
  let compressed: Buffer | null = null
  return {
    length: text.length,
    bytes: (encoding) => (encoding === 'identity' ? text : (compressed ??= toZstdFrame(text))),
  }
}

/** Nothing to send. */
export const EMPTY: Block = { length: 0, bytes: () => Buffer.alloc(0) }

/**
 * The memory that a block may take. Limits count both encodings from the beginning, because a block that is already
 * counted may be compressed later. The compressed text counts as long as the text.
 */
export function heldBytes(block: Block | null): number {
  return block === null ? 0 : 2 * block.length
}

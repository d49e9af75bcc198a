import { zstdCompressSync } from 'node:zlib'

const MAGIC = 0xfd2fb528
/** The frame is one segment, and its size takes one byte. */
const DESCRIPTOR = 0x20
const LAST_RAW_BLOCK = 1
const HEADER_BYTES = 9
/** Shorter texts, such as beats and resets, get at most a quarter shorter, and cost as much time as a whole card. */
const COMPRESS_FROM = 200

/**
 * Returns the bytes as a zstd frame of its own (RFC 8878, 3.1). A decoder takes any number of frames, one after the
 * other. A short text becomes a frame with a raw block, which costs no compression.
 */
export function toZstdFrame(bytes: Buffer): Buffer {
  return bytes.length < COMPRESS_FROM ? toRawFrame(bytes) : zstdCompressSync(bytes)
}

/** The bytes must be fewer than 256. */
function toRawFrame(bytes: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bytes.length)
  frame.writeUInt32LE(MAGIC, 0)
  frame.writeUInt8(DESCRIPTOR, 4)
  frame.writeUInt8(bytes.length, 5)
  frame.writeUIntLE(bytes.length * 8 + LAST_RAW_BLOCK, 6, 3)
  bytes.copy(frame, HEADER_BYTES)
  return frame
}

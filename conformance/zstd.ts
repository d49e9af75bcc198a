import { zstdDecompressSync } from 'node:zlib'

const MAGIC = 0xfd2fb528
const RLE_BLOCK = 1

/**
 * Returns a function that takes the bytes of a zstd stream, and calls `take` with the text of each frame once it is
 * complete. The decoder of node:zlib drops all frames of a chunk after the first, so this finds the end of each frame.
 */
export function readZstdFrames(take: (text: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    for (let end = endOfFrame(rest); end !== null; end = endOfFrame(rest)) {
      take(zstdDecompressSync(rest.subarray(0, end)))
      rest = rest.subarray(end)
    }
  }
}

/** Where the first frame ends; null if it is not complete. RFC 8878, 3.1.1. */
function endOfFrame(bytes: Buffer): number | null {
  if (bytes.length < 5) return null
  if (bytes.readUInt32LE() !== MAGIC) throw new Error('this is not a zstd frame')
  const descriptor = bytes[4]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const checksumBytes = descriptor & 4
  let end = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes
  for (let isLast = false; !isLast;) {
    if (end + 3 > bytes.length) return null
    const header = bytes.readUIntLE(end, 3)
    isLast = (header & 1) === 1
    end += 3 + (((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3)
  }
  end += checksumBytes
  return end <= bytes.length ? end : null
}

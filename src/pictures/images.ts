import { createHash } from 'node:crypto'
import sharp from 'sharp'
import { Invalid, UnsupportedMedia } from '../lib/errors.ts'
import { createLimiter } from '../lib/limiter.ts'

/** A picture in all sizes that are served, under the hash of what they show. */
export interface Picture {
  hash: string
  variants: { variant: string; bytes: Buffer }[]
}

export interface Images {
  /**
   * Makes centred squares of a picture. `field` is what its errors are about. Throws UnsupportedMedia for what is no
   * JPEG, PNG, WebP or GIF, Invalid for one that is broken or too large to unpack, Unavailable where too many wait.
   */
  makeSquares(file: Buffer, field: string): Promise<Picture>
}

export const CONTENT_TYPE = 'image/webp'
/** Pixels at one side; each is made for dense screens too. */
const SIDES = [50, 75, 200]
const LARGEST = 400
const MAX_PIXELS = 25_000_000

// Of all that libvips can read (SVG, PDF, TIFF, …) only these four are let near it, and from memory only.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
})
// Each picture is another one, and an instance has one core.
sharp.cache(false)
sharp.concurrency(1)

/** Each picture takes one of libuv's four threads and up to 100 MB: `running` at once, `waiting` more in line. */
export function createImages({ running = 2, waiting = 10 } = {}): Images {
  const limiter = createLimiter(running, waiting)
  return {
    async makeSquares(file, field) {
      if (!isSupported(file)) {
        const message = 'Please choose a JPEG, PNG, WebP or GIF picture'
        throw new UnsupportedMedia(message, { [field]: message })
      }
      try {
        return await limiter(() => toSquares(file))
      } catch (error) {
        throw refusalOf(error, field)
      }
    },
  }
}

/** What `variant` names have to look like. */
export function isVariant(variant: string): boolean {
  return SIDES.some((side) => variant === `${side}` || variant === `${side}@2x`)
}

/** By its first bytes: neither its name nor the type that the sender gives it counts. */
function isSupported(file: Buffer): boolean {
  const start = file.toString('hex', 0, 12)
  return /^(ffd8ff|89504e470d0a1a0a|47494638(37|39)61|52494646.{8}57454250)/.test(start)
}

/** Upright, and encoded anew: nothing of the file but its pixels goes on, so no place and no camera is told. */
async function toSquares(file: Buffer): Promise<Picture> {
  const { data, info } = await sharp(file, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .autoOrient()
    .resize(LARGEST, LARGEST, { fit: 'cover' })
    .timeout({ seconds: 10 })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const variants = SIDES.flatMap((side) => [
    { variant: `${side}`, side },
    { variant: `${side}@2x`, side: 2 * side },
  ])
  const square = (side: number) =>
    sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
      .resize(side, side)
      .webp({ quality: 82 })
      .toBuffer()
  const made: Picture['variants'] = []
  for (const { variant, side } of variants) made.push({ variant, bytes: await square(side) })
  return { hash: createHash('sha256').update(data).digest('hex').slice(0, 40), variants: made }
}

function refusalOf(error: unknown, field: string): unknown {
  if (!(error instanceof Error) || 'status' in error) return error
  const large = /pixel limit|dimension/i.test(error.message)
  return new Invalid({
    [field]: large ? 'A picture has at most 25 megapixels' : 'This picture is broken',
  })
}

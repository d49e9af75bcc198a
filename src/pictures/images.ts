import { createHash } from 'node:crypto'
import sharp from 'sharp'
import { Invalid, UnsupportedMedia } from '../lib/errors.ts'
import { createLimiter, type Limiter } from '../lib/limiter.ts'

/** A picture in all sizes that the site serves. `hash` depends only on what the picture shows. */
export interface Picture {
  hash: string
  variants: { variant: string; bytes: Buffer }[]
}

export interface Images {
  /**
   * Crops a picture to a centred square and encodes it in all sizes. `field` is the form field of the error messages.
   * @throws UnsupportedMedia if the file is not a JPEG, PNG, WebP or GIF.
   * @throws Invalid if the file is damaged or has too many pixels.
   * @throws Unavailable if too many pictures wait.
   */
  makeSquares(file: Buffer, field: string): Promise<Picture>
  /** The pictures that are processed and that wait. */
  queue: Pick<Limiter, 'running' | 'waiting'>
}

export const CONTENT_TYPE = 'image/webp'
/** Side lengths in CSS pixels. Each also exists with twice the pixels (`@2x`), for high-density screens. */
const SIDES = [50, 75, 200]
const LARGEST = 400
const MAX_PIXELS = 25_000_000

// libvips reads many formats (SVG, PDF, TIFF, …). Only these four are allowed, to keep the attack surface small.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
})
// Uploads rarely repeat, so a cache would only use memory.
sharp.cache(false)
// An instance has one core.
sharp.concurrency(1)

/**
 * A picture takes one of libuv's four threads and up to 100 MB. At most `running` are processed at the same time, and
 * `waiting` more wait.
 */
export function createImages({ running = 2, waiting = 10 } = {}): Images {
  const limiter = createLimiter(running, waiting)
  return {
    queue: limiter,
    async makeSquares(file, field) {
      if (!isSupported(file)) {
        const message = 'Please choose a JPEG, PNG, WebP or GIF picture'
        throw new UnsupportedMedia(message, { [field]: message })
      }
      try {
        return await limiter(() => toSquares(file))
      } catch (error) {
        throw toHttpError(error, field)
      }
    },
  }
}

/** Whether a size of this name exists, for instance `50` or `50@2x`. */
export function isVariant(variant: string): boolean {
  return SIDES.some((side) => variant === `${side}` || variant === `${side}@2x`)
}

/** Checks the first bytes of the file. The file name and the media type come from the client and prove nothing. */
function isSupported(file: Buffer): boolean {
  const start = file.toString('hex', 0, 12)
  return /^(ffd8ff|89504e470d0a1a0a|47494638(37|39)61|52494646.{8}57454250)/.test(start)
}

/** Rotates the picture upright and encodes it again. Metadata such as the location and the camera is lost. */
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
  const encoded: Picture['variants'] = []
  for (const { variant, side } of variants) encoded.push({ variant, bytes: await square(side) })
  return { hash: createHash('sha256').update(data).digest('hex').slice(0, 40), variants: encoded }
}

function toHttpError(error: unknown, field: string): unknown {
  if (!(error instanceof Error) || 'status' in error) return error
  const isTooLarge = /pixel limit|dimension/i.test(error.message)
  return new Invalid({
    [field]: isTooLarge ? 'A picture can have at most 25 megapixels' : 'This picture file is damaged',
  })
}

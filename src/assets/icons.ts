/** `npm run icons` makes `static/icons/` from `static/favicon.svg`: the sizes that phones ask for. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

/** src/pictures/images.ts blocks all that uploads must not be. */
const SVG = { operation: ['VipsForeignLoadSvgBuffer'] }

const folder = join(import.meta.dirname, '../../static')

/** Phones cut an icon that is `full` to a shape of their own. The others have round corners. */
const ICONS = [
  { file: 'icon-192.png', size: 192, full: false },
  { file: 'icon-512.png', size: 512, full: false },
  { file: 'maskable-192.png', size: 192, full: true },
  { file: 'maskable-512.png', size: 512, full: true },
  { file: 'apple-touch-180.png', size: 180, full: true },
]

/** Returns the content of each file. */
export async function makeIcons(): Promise<{ file: string; content: Buffer }[]> {
  const svg = await readFile(join(folder, 'favicon.svg'), 'utf8')
  const square = svg.replace(/ rx="\d+"/, '')
  sharp.unblock(SVG)
  const icons = Promise.all(
    ICONS.map(async ({ file, size, full }) => {
      const image = sharp(Buffer.from(full ? square : svg), { density: (72 * size) / 32 }).resize(size, size)
      return { file, content: await image.png({ compressionLevel: 9, palette: true }).toBuffer() }
    }),
  )
  return icons.finally(() => sharp.block(SVG))
}

if (import.meta.main) {
  await mkdir(join(folder, 'icons'), { recursive: true })
  for (const { file, content } of await makeIcons()) await writeFile(join(folder, 'icons', file), content)
}

import sharp from 'sharp'

/** Returns a picture of one colour. */
export async function picture({
  width = 300,
  height = 200,
  colour = '#c0392b',
  format = 'jpeg',
}: {
  width?: number
  height?: number
  colour?: string
  format?: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif'
} = {}): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .toFormat(format)
    .toBuffer()
}

/** Returns a rotated photo with a location in its metadata, as from a phone. Turned upright, its top is red. */
export async function phonePicture(): Promise<Buffer> {
  const red = { create: { width: 100, height: 200, channels: 3 as const, background: '#ff0000' } }
  return sharp({ create: { width: 200, height: 200, channels: 3, background: '#0000ff' } })
    .composite([{ input: red, left: 0, top: 0 }])
    .jpeg({ quality: 95 })
    .withExif({ IFD0: { Copyright: 'canary-copyright' }, IFD3: { GPSLatitude: '52/1 31/1 0/1' } })
    .withMetadata({ orientation: 6 })
    .toBuffer()
}

export function avatarForm(
  file: Buffer | string,
  fields: Record<string, string> = {},
  { name = 'picture.jpg', type = 'image/jpeg', field = 'avatar' } = {},
): FormData {
  const form = new FormData()
  for (const [key, value] of Object.entries(fields)) form.append(key, value)
  form.append(field, new Blob([new Uint8Array(Buffer.from(file))], { type }), name)
  return form
}

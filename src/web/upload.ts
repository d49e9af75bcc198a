import { Writable } from 'node:stream'
import { koaBody } from 'koa-body'
import { BadRequest, TooLarge } from '../lib/errors.ts'
import type { Context } from './context.ts'

/** The maximum size of a file, in bytes. */
export const MAX_FILE_BYTES = 5 * 1024 * 1024
const MAX_FIELDS_BYTES = 64 * 1024

/**
 * Reads a form with text fields and one file, in the field `name`. The file stays in memory, so that a killed instance
 * leaves no file on the disk. The caller must limit how many forms are read at the same time.
 * @throws TooLarge or BadRequest
 */
export async function readUpload(
  ctx: Context,
  name: string,
): Promise<{ fields: Record<string, unknown>; file: Buffer | null }> {
  const tooLarge = new TooLarge('A file may have at most 5 MB', { [name]: 'A file may have at most 5 MB' })
  if ((ctx.request.length ?? 0) > MAX_FILE_BYTES + MAX_FIELDS_BYTES) throw tooLarge
  const chunks: Buffer[] = []
  let hasOtherFile = false
  const read = koaBody({
    multipart: true,
    json: false,
    urlencoded: false,
    text: false,
    patchNode: false,
    formidable: {
      maxFiles: 1,
      maxFields: 50,
      maxFieldsSize: MAX_FIELDS_BYTES,
      maxFileSize: MAX_FILE_BYTES,
      allowEmptyFiles: true,
      minFileSize: 0,
      fileWriteStreamHandler: () =>
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            chunks.push(chunk)
            done()
          },
        }),
      filter(part) {
        hasOtherFile ||= part.name !== name
        return part.name === name
      },
    },
  })
  try {
    await read(ctx, async () => {})
  } catch (error) {
    // formidable's errors contain submitted data, so they are replaced.
    const { httpCode } = error as { httpCode?: unknown }
    throw httpCode === 413 ? tooLarge : new BadRequest('This request could not be read.')
  }
  if (hasOtherFile) throw new BadRequest(`This form accepts a file only in the field ${name}.`)
  const { body } = ctx.request as { body?: Record<string, unknown> }
  const file = Buffer.concat(chunks)
  // Browsers send an empty file if the user chose none.
  return { fields: { ...body }, file: file.length === 0 ? null : file }
}

import { Writable } from 'node:stream'
import { koaBody } from 'koa-body'
import { BadRequest, TooLarge } from '../lib/errors.ts'
import type { Context } from './context.ts'

/** The largest file that is taken, in bytes. */
export const MAX_FILE_BYTES = 5 * 1024 * 1024
const MAX_FIELDS_BYTES = 64 * 1024

/**
 * Reads a form with one file in it, `name`, next to its text fields. The file is kept in memory and never gets a name
 * on a disk, so none is left behind, even by an instance that is killed; whoever calls bounds how many are read at once.
 * Throws TooLarge or BadRequest.
 */
export async function readUpload(
  ctx: Context,
  name: string,
): Promise<{ fields: Record<string, unknown>; file: Buffer | null }> {
  const tooLarge = new TooLarge('A file has at most 5 MB', { [name]: 'A file has at most 5 MB' })
  if ((ctx.request.length ?? 0) > MAX_FILE_BYTES + MAX_FIELDS_BYTES) throw tooLarge
  const chunks: Buffer[] = []
  let other = false
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
        other ||= part.name !== name
        return part.name === name
      },
    },
  })
  try {
    await read(ctx, async () => {})
  } catch (error) {
    // formidable's errors carry what was sent: they go no further.
    const { httpCode } = error as { httpCode?: unknown }
    throw httpCode === 413 ? tooLarge : new BadRequest('This request could not be read.')
  }
  if (other) throw new BadRequest(`This form takes no file but ${name}.`)
  const { body } = ctx.request as { body?: Record<string, unknown> }
  const file = Buffer.concat(chunks)
  // A form without a chosen file sends an empty one.
  return { fields: { ...body }, file: file.length === 0 ? null : file }
}

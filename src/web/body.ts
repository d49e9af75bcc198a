import { koaBody } from 'koa-body'
import { z } from 'zod'
import { isBlank } from '../lib/blank.ts'
import { checkToken } from './csrf.ts'
import { BadRequest, Invalid, TooLarge, UnsupportedMedia, type FilledForm } from '../lib/errors.ts'
import { safePath } from './paths.ts'
import type { Limiter } from '../lib/limiter.ts'
import { readUpload } from './upload.ts'
import type { Context } from './context.ts'
import type { Pages } from '../shared/pages.ts'

const MAX_BYTES = 64 * 1024

const parse = koaBody({
  json: true,
  jsonLimit: MAX_BYTES,
  formLimit: MAX_BYTES,
  text: false,
  multipart: false,
  patchNode: false,
  queryString: { allowDots: false, depth: 1 },
})

/**
 * Parses and validates a request body, and checks the CSRF token. Every route that changes something calls it.
 * If a value is invalid, the error handler shows `form` again with the submitted values.
 * @throws BadRequest, Forbidden, TooLarge, UnsupportedMedia or Invalid
 */
export async function read<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  form?: { template: keyof Pages; context?: Record<string, unknown> },
): Promise<z.output<Schema>> {
  return validate(ctx, schema, form, await parseBody(ctx))
}

/** Like `read`, for a form with an optional file in the field `name`. `file` is null if the form has no file. */
export async function readWithFile<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  form: FilledForm,
  { name, limiter }: { name: string; limiter: Limiter },
): Promise<{ input: z.output<Schema>; file: Buffer | null }> {
  if (!ctx.is('multipart')) return { input: await read(ctx, schema, form), file: null }
  rejectUnreadable(ctx)
  ctx.state.form = form
  const { fields, file } = await limiter(() => readUpload(ctx, name))
  return { input: validate(ctx, schema, form, withLineFeeds(fields)), file }
}

function validate<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  form: { template: keyof Pages; context?: Record<string, unknown> } | undefined,
  body: Record<string, unknown>,
): z.output<Schema> {
  if (typeof body.next === 'string') ctx.state.next = safePath(body.next)
  if (form) ctx.state.form = filledForm(form, body)
  checkToken(ctx, body.csrf_token)
  const result = schema.safeParse(body)
  if (!result.success) throw new Invalid(firstMessages(result.error))
  return result.data
}

/** The schema of a request that needs no fields except the CSRF token. */
export const EmptyBody = z.object({})

/**
 * A required text of up to `max` code points, stored unchanged. Blank text gets the message `empty`, longer text
 * `long`.
 */
export function text({ max, empty, long }: { max: number; empty: string; long: string }) {
  return storable()
    .prefault('')
    .refine((value) => !isBlank(value), { error: empty, abort: true })
    .refine((value) => [...value].length <= max, { error: long, abort: true })
}

/** Text that PostgreSQL can store. It rejects NUL characters, and UTF-8 cannot encode a lone surrogate. */
export function storable() {
  return z.string('This must be text').refine((value) => value.isWellFormed() && !value.includes('\0'), {
    error: 'This text contains characters that cannot be saved',
    abort: true,
  })
}

/** An optional text of up to `max` code points. An empty text means null, because forms send empty fields. */
export function optional(max: number) {
  return storable()
    .refine((value) => [...value].length <= max, { error: 'This is too long', abort: true })
    .nullish()
    .transform((value) => value || null)
}

async function parseBody(ctx: Context): Promise<Record<string, unknown>> {
  if (!ctx.request.length && !ctx.get('transfer-encoding')) return {}
  rejectUnreadable(ctx)
  const encoded = ctx.is('urlencoded')
  if (!encoded && !ctx.is('json')) throw new UnsupportedMedia()
  try {
    await parse(ctx, async () => {})
  } catch (error) {
    throw toHttpError(error)
  }
  const body: unknown = (ctx.request as { body?: unknown }).body
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadRequest('Please send a JSON object.')
  return encoded ? withLineFeeds(body) : { ...body }
}

/**
 * Rejects three kinds of request that the parsers cannot read safely:
 * - The client has disconnected. The parsers would wait for the rest of the body without a limit.
 * - The body is compressed, which browsers never do. At the size limit, the parser removes the error listener of its
 *   decompressor, so a later error would end the process (found by test/security/fuzz.test.ts).
 * - The charset is not UTF-8. The parsers decode everything as UTF-8, so wrong characters would be stored.
 */
function rejectUnreadable(ctx: Context): void {
  if (ctx.req.destroyed) throw new BadRequest()
  if (!['', 'identity'].includes(ctx.get('content-encoding').toLowerCase())) {
    throw new UnsupportedMedia('Please send this without compression.')
  }
  if (!isUtf8(ctx.get('content-type'))) throw new UnsupportedMedia('Please send this in UTF-8.')
}

/** Koa's `request.charset` cannot be used: it is also empty if Koa cannot parse the header. */
function isUtf8(contentType: string): boolean {
  const charsets = [...contentType.matchAll(/;\s*charset\s*=([^;]*)/gi)]
  return charsets.every(([, value = '']) => /^\s*(utf-?8|"utf-?8")\s*$/i.test(value))
}

/** Replaces the parser's error, which contains the body and so perhaps a password. */
function toHttpError(error: unknown): Error {
  const status = (error as { status?: unknown }).status
  if (status === 413) return new TooLarge()
  if (status === 415) return new UnsupportedMedia()
  return new BadRequest('This request could not be read.')
}

/** Browsers encode each line break of a form as CR LF (HTML standard, "Constructing the entry list"). */
function withLineFeeds(body: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value,
    ]),
  )
}

/** Adds the submitted values to the form, without passwords and tokens. */
function filledForm(
  form: { template: keyof Pages; context?: Record<string, unknown> },
  body: object,
): FilledForm {
  const values = Object.entries(body).filter(
    ([name, value]) => typeof value === 'string' && !/password|csrf_token/.test(name),
  )
  return { template: form.template, context: { ...form.context, values: Object.fromEntries(values) } }
}

/** Returns the first message for each field. */
function firstMessages(error: z.ZodError): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const { path, message } of error.issues) fields[String(path[0] ?? 'body')] ??= message
  return fields
}

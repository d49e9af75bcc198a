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
 * What a POST brings, as its schema wants it. Every route that changes something begins here, after it knows who asks:
 * the visitor's token is checked too. `form` is shown again, with what was typed, when a value is refused.
 * Throws BadRequest, Forbidden, TooLarge, UnsupportedMedia or Invalid.
 */
export async function read<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  form?: { template: keyof Pages; context?: Record<string, unknown> },
): Promise<z.output<Schema>> {
  return accept(ctx, schema, form, await parseBody(ctx))
}

/** The same for a form that may bring a file, in the field `name`; null where it brings none. */
export async function readWithFile<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  form: FilledForm,
  { name, limiter }: { name: string; limiter: Limiter },
): Promise<{ input: z.output<Schema>; file: Buffer | null }> {
  if (!ctx.is('multipart')) return { input: await read(ctx, schema, form), file: null }
  refuseUnreadable(ctx)
  ctx.state.form = form
  const { fields, file } = await limiter(() => readUpload(ctx, name))
  return { input: accept(ctx, schema, form, withLineFeeds(fields)), file }
}

function accept<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  form: { template: keyof Pages; context?: Record<string, unknown> } | undefined,
  body: Record<string, unknown>,
): z.output<Schema> {
  if (typeof body.next === 'string') ctx.state.next = safePath(body.next)
  if (form) ctx.state.form = filled(form, body)
  checkToken(ctx, body.csrf_token)
  const result = schema.safeParse(body)
  if (!result.success) throw new Invalid(firstMessages(result.error))
  return result.data
}

/** For a POST whose address says everything. */
export const EmptyBody = z.object({})

/** Text as people write it, kept as it is. Refused: text that shows nothing, and more than `max` code points. */
export function text({ max, empty, long }: { max: number; empty: string; long: string }) {
  return storable()
    .prefault('')
    .refine((value) => !isBlank(value), { error: empty, abort: true })
    .refine((value) => [...value].length <= max, { error: long, abort: true })
}

/** Any text that the database can hold: PostgreSQL knows no NUL, and UTF-8 no half of a surrogate pair. */
export function storable() {
  return z.string('This must be text').refine((value) => value.isWellFormed() && !value.includes('\0'), {
    error: 'This text holds characters that cannot be kept',
    abort: true,
  })
}

/** Something optional, where a form sends an empty field. */
export function optional(max: number) {
  return storable()
    .refine((value) => [...value].length <= max, { error: 'This is too long', abort: true })
    .nullish()
    .transform((value) => value || null)
}

async function parseBody(ctx: Context): Promise<Record<string, unknown>> {
  if (!ctx.request.length && !ctx.get('transfer-encoding')) return {}
  refuseUnreadable(ctx)
  const encoded = ctx.is('urlencoded')
  if (!encoded && !ctx.is('json')) throw new UnsupportedMedia()
  try {
    await parse(ctx, async () => {})
  } catch (error) {
    throw refusalOf(error)
  }
  const body: unknown = (ctx.request as { body?: unknown }).body
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadRequest('Please send an object.')
  return encoded ? withLineFeeds(body) : { ...body }
}

/**
 * A client that has disconnected sends no more, and the parsers would wait for it for ever. Browsers compress no request
 * body: a compressed one is refused, not only bounded, because the parser stops listening to its decompressor once the
 * limit is reached, and a later error in there ended the whole process (found by test/security/fuzz.test.ts). The
 * parsers decode everything as UTF-8, so another charset would be stored as wrong characters.
 */
function refuseUnreadable(ctx: Context): void {
  if (ctx.req.destroyed) throw new BadRequest()
  if (!['', 'identity'].includes(ctx.get('content-encoding').toLowerCase())) {
    throw new UnsupportedMedia('Please send this without a content encoding.')
  }
  if (!isUtf8(ctx.get('content-type'))) throw new UnsupportedMedia('Please send this in UTF-8.')
}

/** Reads the header itself because Koa's `request.charset` is also empty for a header that it cannot parse. */
function isUtf8(contentType: string): boolean {
  const charsets = [...contentType.matchAll(/;\s*charset\s*=([^;]*)/gi)]
  return charsets.every(([, value = '']) => /^\s*(utf-?8|"utf-?8")\s*$/i.test(value))
}

/** The parser's own error carries the body, a password say: it goes no further. */
function refusalOf(error: unknown): Error {
  const status = (error as { status?: unknown }).status
  if (status === 413) return new TooLarge()
  if (status === 415) return new UnsupportedMedia()
  return new BadRequest('This request could not be read.')
}

/** A form's encoding makes CR LF of every line break (HTML standard, "Constructing the entry list"); JSON does not. */
function withLineFeeds(body: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value,
    ]),
  )
}

/** What was typed, but no secret of it. */
function filled(
  form: { template: keyof Pages; context?: Record<string, unknown> },
  body: object,
): FilledForm {
  const kept = Object.entries(body).filter(
    ([name, value]) => typeof value === 'string' && !/password|csrf_token/.test(name),
  )
  return { template: form.template, context: { ...form.context, values: Object.fromEntries(kept) } }
}

function firstMessages(error: z.ZodError): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const { path, message } of error.issues) fields[String(path[0] ?? 'body')] ??= message
  return fields
}

import { BadRequest, NotFound } from '../lib/errors.ts'

const MAX_ID = 2n ** 63n - 1n

/**
 * Where a person may be led: a path of this site, else the home page. A browser takes `//evil` and `/\evil` for another
 * host and drops tabs and line breaks first, so what could become one of these by decoding leads home too.
 */
export function safePath(wanted: unknown): string {
  if (typeof wanted !== 'string' || wanted.length > 2000 || !wanted.startsWith('/')) return '/'
  const decoded = decode(wanted)
  if (decoded === null || /^\/[/\\]|[\p{Cc}\\]/u.test(decoded)) return '/'
  const url = URL.parse(wanted, 'http://site.invalid')
  if (url === null || url.host !== 'site.invalid' || url.pathname.startsWith('//')) return '/'
  return url.pathname + url.search + url.hash
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/**
 * A username or group name in lower case; null for any other text. ASCII is checked first because toLowerCase() turns
 * U+212A KELVIN SIGN into k.
 */
export function foldName(text: string): string | null {
  return /^[A-Za-z0-9_]{3,15}$/.test(text) ? text.toLowerCase() : null
}

/** Whether the text is the id of anything: a positive decimal number up to 2^63−1, written without leading zeros. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= MAX_ID
}

/** The id in a path. Throws NotFound: what is no id is the address of nothing. */
export function getId(params: Record<string, string>): string {
  if (!isId(params.id)) throw new NotFound()
  return params.id
}

/** A value of the query, or nothing. Throws BadRequest where it is given twice. */
export function queryText(query: NodeJS.Dict<string | string[]>, name: string): string | undefined {
  const value = query[name]
  if (Array.isArray(value)) throw new BadRequest(`${name} is given more than once.`)
  return value
}

const MAX_LISTED_IDS = 50

/** Up to 50 ids, separated by commas; none where the parameter is missing or empty. Throws BadRequest. */
export function idList(query: NodeJS.Dict<string | string[]>, name: string): string[] {
  const ids = (queryText(query, name) || undefined)?.split(',') ?? []
  if (ids.length > MAX_LISTED_IDS || !ids.every(isId))
    throw new BadRequest(`${name} takes up to ${MAX_LISTED_IDS} ids, separated by commas.`)
  return ids
}

/** `?before=` of a list that is ordered by id. Throws BadRequest for anything but an id. */
export function beforeId(query: NodeJS.Dict<string | string[]>): string {
  const before = queryText(query, 'before')
  if (before === undefined || before === '') return MAX_ID.toString()
  if (!isId(before)) throw new BadRequest('This is not a place in the list.')
  return before
}

/** `?limit=` from 1 to 100. Throws BadRequest for anything else. */
export function pageLimit(query: NodeJS.Dict<string | string[]>, usual: number): number {
  const limit = queryText(query, 'limit') ?? String(usual)
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > 100)
    throw new BadRequest('limit is a number from 1 to 100.')
  return Number(limit)
}

import { BadRequest, NotFound } from '../lib/errors.ts'

const MAX_ID = 2n ** 63n - 1n

/**
 * Returns a path of this site that is safe for redirects, else `/`. Browsers read `//evil` and `/\evil` as another
 * host, after they remove tabs and line breaks. Paths that could decode to one of these are rejected too.
 */
export function safePath(path: unknown): string {
  if (typeof path !== 'string' || path.length > 2000 || !path.startsWith('/')) return '/'
  const decoded = decode(path)
  if (decoded === null || /^\/[/\\]|[\p{Cc}\\]/u.test(decoded)) return '/'
  const url = URL.parse(path, 'http://site.invalid')
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
 * Returns a username or group name in lower case; null for any other text. It checks for ASCII first, because
 * toLowerCase() converts U+212A KELVIN SIGN to k.
 */
export function foldName(text: string): string | null {
  return /^[A-Za-z0-9_]{3,15}$/.test(text) ? text.toLowerCase() : null
}

/** Whether the text can be an id: a positive decimal number up to 2^63−1 without leading zeros. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= MAX_ID
}

/**
 * Returns the id in a path.
 * @throws NotFound if it is not a valid id
 */
export function getId(params: Record<string, string>): string {
  if (!isId(params.id)) throw new NotFound()
  return params.id
}

/**
 * Returns a parameter of the query, if it is present.
 * @throws BadRequest if it is present more than once
 */
export function queryText(query: NodeJS.Dict<string | string[]>, name: string): string | undefined {
  const value = query[name]
  if (Array.isArray(value)) throw new BadRequest(`The parameter ${name} appears more than once.`)
  return value
}

const MAX_LISTED_IDS = 50

/**
 * Reads a parameter with up to 50 ids, separated by commas. Returns no ids if it is missing or empty.
 * @throws BadRequest if it is invalid
 */
export function idList(query: NodeJS.Dict<string | string[]>, name: string): string[] {
  const ids = (queryText(query, name) || undefined)?.split(',') ?? []
  if (ids.length > MAX_LISTED_IDS || !ids.every(isId))
    throw new BadRequest(`The parameter ${name} takes up to ${MAX_LISTED_IDS} ids, separated by commas.`)
  return ids
}

/**
 * Reads `?before=` of a list that is ordered by id. Without it, the list starts at the newest id.
 * @throws BadRequest if it is not an id
 */
export function beforeId(query: NodeJS.Dict<string | string[]>): string {
  const before = queryText(query, 'before')
  if (before === undefined || before === '') return MAX_ID.toString()
  if (!isId(before)) throw new BadRequest('Invalid page cursor.')
  return before
}

/**
 * Reads `?limit=`.
 * @throws BadRequest if it is not a number from 1 to 100
 */
export function pageLimit(query: NodeJS.Dict<string | string[]>, fallback: number): number {
  const limit = queryText(query, 'limit') ?? String(fallback)
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > 100)
    throw new BadRequest('The parameter limit must be a number from 1 to 100.')
  return Number(limit)
}

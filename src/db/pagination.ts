import { BadRequest } from '../lib/errors.ts'

/** A position in a list that is ordered by (at, id), newest first. */
export interface Cursor {
  /** ISO 8601 in UTC with microseconds. With milliseconds, rows within one millisecond would be skipped or repeated. */
  at: string
  id: string
}

const PATTERN = /^((?:19|20|21)\d\d-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}Z)_([1-9]\d{0,18})$/
const MAX_ID = 2n ** 63n - 1n

/** The position before the newest row, where the first page starts. */
export const START: Cursor = { at: 'infinity', id: MAX_ID.toString() }

export function formatCursor({ at, id }: Cursor): string {
  return `${at}_${id}`
}

/**
 * Makes a page of up to `size` items. A query asks for `size + 1` rows, in the order of the page: if it returns the
 * last one, there is another page.
 */
export function toPage<Row extends Cursor>(
  found: readonly Row[],
  size: number,
): { rows: Row[]; before: string | null } {
  const rows = found.slice(0, size)
  const last = rows.at(-1)
  return { rows, before: found.length > size && last ? formatCursor(last) : null }
}

/**
 * Reads `?before=`. Without it, the page is the first one.
 * @throws BadRequest if `formatCursor` cannot have written it
 */
export function parseBefore(text: string | undefined): Cursor {
  if (text === undefined || text === '') return START
  const [, at, id] = PATTERN.exec(text) ?? []
  if (at === undefined || id === undefined || BigInt(id) > MAX_ID || !isDate(at)) {
    throw new BadRequest('Invalid page cursor.')
  }
  return { at, id }
}

/** JavaScript accepts 31 February as 3 March, but PostgreSQL rejects it. */
function isDate(at: string): boolean {
  const milliseconds = `${at.slice(0, 23)}Z`
  const date = new Date(milliseconds)
  return !Number.isNaN(date.getTime()) && date.toISOString() === milliseconds
}

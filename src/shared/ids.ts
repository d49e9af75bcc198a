/** Compares two ids or cursors. They are decimal numbers of up to 19 digits: too long for a JavaScript number. */
export function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
}

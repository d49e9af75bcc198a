import { setTimeout as pause } from 'node:timers/promises'

/**
 * Calls `read` until `isExpected` accepts its result, and returns that result. Tests wait for time only here.
 * @param timeout in milliseconds
 * @param every in milliseconds
 * @throws Error if the timeout has passed; the message shows the last result or error
 */
export async function eventually<T>(
  read: () => T | Promise<T>,
  isExpected: (result: T) => boolean = Boolean,
  { timeout = 5000, every = 20, what = 'the expected result' } = {},
): Promise<T> {
  const end = performance.now() + timeout
  for (;;) {
    let last: unknown
    try {
      const result = await read()
      if (isExpected(result)) return result
      last = result
    } catch (error) {
      last = error
    }
    if (performance.now() > end) {
      const shown = last instanceof Error ? last.stack : JSON.stringify(last, null, 2)
      throw new Error(`Waited ${timeout} ms for ${what}; the last result was: ${shown}`)
    }
    await pause(every)
  }
}

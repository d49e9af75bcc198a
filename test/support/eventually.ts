import { setTimeout as pause } from 'node:timers/promises'

/**
 * Asks again and again until the answer is right, and returns it: the one place in the tests that waits by the clock.
 * @param timeout in milliseconds
 * @throws Error with the last answer (or what the last question threw), when time is up
 */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  right: (answer: T) => boolean = Boolean,
  { timeout = 5000, every = 20, what = 'the expected answer' } = {},
): Promise<T> {
  const end = performance.now() + timeout
  for (;;) {
    let last: unknown
    try {
      const answer = await ask()
      if (right(answer)) return answer
      last = answer
    } catch (error) {
      last = error
    }
    if (performance.now() > end) {
      const shown = last instanceof Error ? last.stack : JSON.stringify(last, null, 2)
      throw new Error(`Waited ${timeout} ms for ${what}; the last was: ${shown}`)
    }
    await pause(every)
  }
}

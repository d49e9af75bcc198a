import { AsyncLocalStorage } from 'node:async_hooks'
import type { DatabasePoolConnection } from 'slonik'

/** Waits up to `maxWait` ms for a query slot. Returns the function that releases it. */
export type TakeSlot = (maxWait: number) => Promise<() => void>

const current = new AsyncLocalStorage<TakeSlot | null>()

/** Runs work whose queries each take a slot first. */
export function runWithQueryLimit<T>(take: TakeSlot, work: () => T): T {
  return current.run(take, work)
}

/** Waits until the request may run one more query. Returns the function to call after the query. */
export async function takeQuery(maxWait: number): Promise<() => void> {
  return (await current.getStore()?.(maxWait)) ?? (() => {})
}

/** Runs work whose query has taken its slot already. */
export function withinQuery<T>(work: () => T): T {
  return current.run(null, work)
}

type Connect = <T>(work: (connection: DatabasePoolConnection) => Promise<T>) => Promise<T>

/** Runs `work` and releases the slot when the connection is free, which may be later than the caller's timeout. */
export async function withRelease<T>(
  release: () => void,
  work: (connection: DatabasePoolConnection) => Promise<T>,
  connect: Connect,
): Promise<T> {
  let hasStarted = false
  try {
    return await connect(async (connection) => {
      hasStarted = true
      return work(connection).finally(release)
    })
  } finally {
    if (!hasStarted) release()
  }
}

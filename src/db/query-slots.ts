import { AsyncLocalStorage } from 'node:async_hooks'

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

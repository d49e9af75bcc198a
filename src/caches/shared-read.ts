/**
 * Lets concurrent callers share reads: one read runs at a time, and the next one gets the keys of all calls that came
 * meanwhile, up to `maxKeys`. A read begins after the calls that it serves.
 */
export function createSharedRead<Key, Result>(
  read: (keys: Key[]) => Promise<Result>,
  maxKeys: number,
): (keys: readonly Key[]) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  let next: { keys: Set<Key>; result: Promise<Result> } | null = null

  function schedule(keys: Set<Key>): Promise<Result> {
    const result = last.then(() => {
      if (next?.keys === keys) next = null
      return read([...keys])
    })
    last = result.catch(() => {})
    return result
  }

  return (keys) => {
    if (next === null || next.keys.size + keys.length > maxKeys) {
      const fresh = new Set<Key>()
      next = { keys: fresh, result: schedule(fresh) }
    }
    for (const key of keys) next.keys.add(key)
    return next.result
  }
}

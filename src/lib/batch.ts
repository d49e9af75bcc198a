import DataLoader from 'dataloader'

const WAIT_MS = 2
const MAX_KEYS = 1_000

/**
 * Combines look-ups within two milliseconds into one query, without a cache. `load` returns the values in the order of
 * its keys. When an instance fails, thousands of clients reconnect to the others at the same time.
 */
export function createBatch<Key, Value>(
  load: (keys: readonly Key[]) => Promise<Value[]>,
): (key: Key) => Promise<Value> {
  const loader = new DataLoader<Key, Value>(load, {
    cache: false,
    maxBatchSize: MAX_KEYS,
    batchScheduleFn: (callback) => setTimeout(callback, WAIT_MS),
  })
  return (key) => loader.load(key)
}

import DataLoader from 'dataloader'

const WAIT_MS = 2
const MAX_KEYS = 1_000

/**
 * Gathers look-ups that come within two milliseconds of each other into one query. `load` answers in the order of
 * its keys; nothing is cached. When an instance dies, thousands of clients come to its neighbours at once.
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

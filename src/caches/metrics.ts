import type { Metrics } from '../lib/metrics.ts'
import type { AllLookups } from './lookups.ts'

export function addCacheMetrics({ total }: Metrics, lookups: AllLookups): void {
  total('koafeed_cache_lookups_total', 'Look-ups in the caches of an instance, by result', () =>
    Object.entries(lookups).flatMap(([cache, { hits, misses }]) => [
      [{ cache, result: 'hit' }, hits] as const,
      [{ cache, result: 'miss' }, misses] as const,
    ]),
  )
}

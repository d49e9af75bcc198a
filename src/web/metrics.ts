import type { Next } from 'koa'
import type { Metrics } from '../lib/metrics.ts'
import type { Context } from './context.ts'

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])
/** Paths that no router answers. */
const PATHS = new Set(['/', '/public', '/livez', '/readyz'])

/**
 * Middleware: counts requests by route and status, and measures them. The route is the pattern of the router, so the
 * number of labels does not grow with the number of posts and people.
 */
export function measureRequests({ counter, histogram }: Metrics) {
  const count = counter('koafeed_http_requests_total', 'Requests answered', ['method', 'route', 'status'])
  const observe = histogram('koafeed_http_request_duration_seconds', 'Time to answer, without streams', {
    buckets: DURATION_BUCKETS,
    labelNames: ['route'],
  })
  return async (ctx: Context & { _matchedRoute?: unknown }, next: Next): Promise<void> => {
    const start = performance.now()
    try {
      await next()
    } finally {
      const route = routeOf(ctx)
      const method = METHODS.has(ctx.method) ? ctx.method : 'other'
      count({ method, route, status: String(ctx.status) })
      // A stream does not end when its middleware does.
      if (ctx.respond !== false) observe((performance.now() - start) / 1_000, { route })
    }
  }
}

function routeOf({ path, _matchedRoute: route }: Context & { _matchedRoute?: unknown }): string {
  if (typeof route === 'string') return route
  if (PATHS.has(path)) return path
  return /^\/(build|css|icons)\//.test(path) ? 'files' : 'other'
}

/** Adds the use of a queue of expensive work. */
export function addQueueMetrics(
  { gauge }: Metrics,
  queues: Readonly<Record<string, { running(): number; waiting(): number }>>,
): void {
  const read = (of: 'running' | 'waiting') => () =>
    Object.entries(queues).map(([queue, one]) => [{ queue }, one[of]()] as const)
  gauge('koafeed_queue_running', 'Password checks and pictures that are computed', read('running'))
  gauge('koafeed_queue_waiting', 'Password checks and pictures that wait', read('waiting'))
}

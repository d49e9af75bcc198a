import { fillFeed, cookieOf } from '../harness/feed.ts'
import { defineMeasurement } from '../harness/figure.ts'
import { startAll } from '../harness/servers/instance.ts'
import { rawRequest } from '../harness/load/load.ts'
import { measurePage } from './pages.ts'

/** `npm start` as it comes: in development, with the embedded database, all on one core. */
export const start = defineMeasurement({
  name: 'start',
  figures: {
    home: { name: 'GET / signed in, npm start, one core', unit: 'req/s', better: 'higher', goal: 1_000 },
    homeP99: { name: 'GET / signed in, npm start, p99', unit: 'ms', better: 'lower', goal: 40 },
  },
  async measure(bench) {
    const site = await startAll(bench.scope, { checkout: bench.checkout, core: bench.cores.server })
    await fillFeed(site.url, bench.size)
    const home = await measurePage(bench, site, rawRequest('GET', '/', cookieOf(1)))
    return { home: home.rate, homeP99: home.p99 }
  },
})

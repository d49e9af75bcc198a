import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type Router from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import type { DatabasePool } from 'slonik'
import { adminPeopleRoutes } from './admin/people-routes.ts'
import { adminReportRoutes } from './admin/report-routes.ts'
import { adminRoutes } from './admin/routes.ts'
import { adminSignUpRoutes } from './admin/sign-up-routes.ts'
import type { Caches } from './caches/caches.ts'
import { commentRoutes } from './comments/routes.ts'
import type { Config } from './config.ts'
import { publicPage } from './feeds/feeds.ts'
import { createPublicFeed, type PublicFeed } from './home/public-feed.ts'
import { sharedPublicPage } from './home/public-page.ts'
import { homeRoutes } from './home/routes.ts'
import { START } from './db/pagination.ts'
import { followRoutes } from './follows/routes.ts'
import { memberRoutes } from './groups/member-routes.ts'
import { groupRoutes } from './groups/routes.ts'
import { installRoutes } from './install/routes.ts'
import type { Assets } from './web/static/asset-urls.ts'
import { createAssetStore } from './web/static/asset-store.ts'
import { staticFiles } from './web/static/files.ts'
import { sameOrigin } from './web/csrf.ts'
import { compressPages } from './web/compression.ts'
import type { Write, WriteTransaction } from './db/pool.ts'
import { Unavailable } from './lib/errors.ts'
import { errorHandler } from './web/error-handler.ts'
import { securityHeaders } from './web/headers.ts'
import { json } from './web/responses.ts'
import { requireSameViewer } from './web/same-viewer.ts'
import { createImages } from './pictures/images.ts'
import { errorFacts } from './lib/log.ts'
import { addQueueMetrics, measureRequests } from './web/metrics.ts'
import type { Metrics } from './lib/metrics.ts'
import { logRequests } from './web/request-log.ts'
import { withRequestDeadline } from './db/deadline.ts'
import { createQueryLimit } from './web/limits/query-limit.ts'
import { createLimiter } from './lib/limiter.ts'
import type { Limits } from './web/limits/limits.ts'
import type { Renderer } from './web/rendering/render.ts'
import { createThrottle } from './web/limits/throttle.ts'
import { readTheme } from './web/theme.ts'
import type { ContextExtension, ContextState } from './web/context.ts'
import { likeRoutes } from './likes/routes.ts'
import { peopleRoutes } from './people/routes.ts'
import { postRoutes } from './posts/routes.ts'
import { reportRoutes } from './reports/routes.ts'
import { recoveryRoutes } from './recovery/routes.ts'
import { themeRoutes } from './theme/routes.ts'
import { createPasswords } from './users/passwords.ts'
import { pictureRoutes } from './pictures/routes.ts'
import { userRoutes } from './users/routes.ts'
import { settingsRoutes } from './users/settings-routes.ts'
import { sessionCookieName } from './users/sessions.ts'
import { sessionMiddleware } from './users/sign-in.ts'

export interface AppDeps {
  db: DatabasePool
  write: Write
  caches: Caches
  render: Renderer
  assets: Assets
  config: Pick<
    Config,
    'siteName' | 'publicOrigin' | 'sessionKeys' | 'trustedProxies' | 'limits' | 'compression'
  >
  log: Logger
  metrics?: Metrics
  health: {
    /** False until the database has been reached once. */
    isStarted(): boolean
    ready(): { ok: boolean; why: string[] }
  }
  /** The routes of streams. They read the session without the session middleware, because a stream does not end. */
  stream?: ReturnType<Router<ContextState, ContextExtension>['routes']>
}

type Middleware = Koa.Middleware<ContextState, ContextExtension>

/** The maximum number of requests that wait for a database connection. Further requests get 503 at once. */
const MAX_WAITING = 100

/** The maximum number of uploads that are read at the same time, each with up to 5 MB in memory. */
const MAX_UPLOADS = 12

/** Creates the Koa application: the middleware in order, then the routes of all features. */
export function createApp(deps: AppDeps): Koa<ContextState, ContextExtension> {
  const { config, db, health, log, metrics, stream } = deps
  const app = new Koa<ContextState, ContextExtension>({
    keys: config.sessionKeys,
    proxy: config.trustedProxies > 0,
    maxIpsCount: config.trustedProxies,
  })
  // Errors after the response has started, usually because the client has disconnected.
  app.on('error', (error) => log.info({ event: 'unsent', error: errorFacts(error) }, 'unsent'))
  if (metrics) app.use(measureRequests(metrics))
  app.use(initState(deps))
  app.use(securityHeaders)
  app.use(errorHandler) // for requests that are not logged: health checks and files
  app.use(healthChecks(health))
  const folder = join(import.meta.dirname, '../static')
  const store = createAssetStore(db)
  app.use(staticFiles({ folder, assets: deps.assets, store, compression: config.compression }))
  app.use(logRequests)
  app.use(errorHandler) // inside logRequests, which logs the final status
  if (config.compression) app.use(compressPages)
  app.use(sameOrigin)
  app.use(installRoutes({ siteName: config.siteName, assets: deps.assets, folder }).routes() as Middleware)
  app.use(refuseUntilStarted(health))
  const publicFeed = createPublicFeed(() => publicPage(deps, null, START), deps.caches)
  const { compression } = config
  app.use(sharedPublicPage({ feed: publicFeed, sessionCookie: sessionCookieName(config), compression }))
  app.use(refuseWhenFull(db))
  if (stream) app.use(stream as Middleware)
  app.use(withRequestDeadline)
  const queryLimit = createQueryLimit(config.limits)
  app.use(queryLimit.beforeSession)
  app.use(pictureRoutes(deps).routes() as Middleware)
  app.use(sessionMiddleware(app, deps))
  app.use(requireSameViewer)
  app.use(queryLimit.afterSession)
  const write = markAfterWrites(deps.write, publicFeed)
  const routers = createRouters({ ...deps, write, publicFeed, limits: config.limits })
  app.use(routers[0].allowedMethods() as Middleware)
  for (const router of routers) app.use(router.routes() as Middleware)
  return app
}

/** Creates the routers of all features except streams and pictures. */
export function createRouters({
  db,
  write,
  caches,
  publicFeed,
  metrics,
  limits = {},
}: Pick<AppDeps, 'db' | 'write' | 'caches' | 'metrics'> & { publicFeed: PublicFeed; limits?: Limits }) {
  const deps = { db, write, caches, publicFeed, throttle: createThrottle(db, limits) }
  const accounts = { ...deps, passwords: createPasswords() }
  const images = createImages()
  if (metrics) addQueueMetrics(metrics, { passwords: accounts.passwords.queue, pictures: images.queue })
  return [
    homeRoutes(deps),
    userRoutes(accounts),
    settingsRoutes({ ...accounts, images, uploads: createLimiter(MAX_UPLOADS, 0) }),
    followRoutes(deps),
    peopleRoutes(deps),
    postRoutes(deps),
    commentRoutes(deps),
    likeRoutes(deps),
    groupRoutes(deps),
    memberRoutes(deps),
    recoveryRoutes(accounts),
    reportRoutes(deps),
    adminRoutes(deps),
    adminReportRoutes(deps),
    adminPeopleRoutes(deps),
    adminSignUpRoutes(deps),
    themeRoutes(),
  ] as const
}

/** A person who writes, signs out and reads the public feed sees the change, even if its event is still on its way. */
function markAfterWrites(write: Write, publicFeed: PublicFeed): Write {
  const statement: Write['statement'] = (query, row) =>
    write.statement(query, row).finally(publicFeed.markOutdated)
  const transaction: WriteTransaction = (fn, row) => write(fn, row).finally(publicFeed.markOutdated)
  return Object.assign(transaction, { statement })
}

function initState({ render, config, log }: AppDeps): Middleware {
  const site = { origin: config.publicOrigin, render }
  return async (ctx, next) => {
    const requestId = randomBytes(12).toString('base64url')
    ctx.state = { site, requestId, log: log.child({ request: requestId }), me: null, theme: readTheme(ctx) }
    await next()
  }
}

/** `/livez`: the process responds. `/readyz`: whether this instance should get traffic, and the reasons if not. */
function healthChecks(health: AppDeps['health']): Middleware {
  return async (ctx, next) => {
    if (ctx.path === '/livez') return json(ctx, 200, { ok: true })
    if (ctx.path !== '/readyz') return next()
    const state = health.ready()
    json(ctx, state.ok ? 200 : 503, state)
  }
}

function refuseUntilStarted(health: AppDeps['health']): Middleware {
  return async (_ctx, next) => {
    if (!health.isStarted()) throw new Unavailable('The site is starting. Please try again in a moment.')
    await next()
  }
}

function refuseWhenFull(db: DatabasePool): Middleware {
  return async (_ctx, next) => {
    if (db.state().waitingClients >= MAX_WAITING) throw new Unavailable()
    await next()
  }
}

/**
 * The service worker. It sees only navigations, and does nothing but show the offline page, at the same address, if one of
 * them fails. It keeps no other page, and no script, stream or form passes through it.
 */
interface InstallEvent extends ExtendableEvent {
  /** Only in Chromium: requests that match the condition do not wake the worker. */
  addRoutes?(rules: object): Promise<void>
}

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void
}

interface NavigationEvent extends ExtendableEvent {
  request: Request
  preloadResponse: Promise<Response | undefined>
  respondWith(response: Promise<Response>): void
}

interface WorkerScope {
  registration: { navigationPreload?: { enable(): Promise<void> } }
  skipWaiting(): Promise<void>
  addEventListener(name: 'install', listener: (event: InstallEvent) => void): void
  addEventListener(name: 'activate', listener: (event: ExtendableEvent) => void): void
  addEventListener(name: 'fetch', listener: (event: NavigationEvent) => void): void
}

const scope = globalThis as unknown as WorkerScope
const CACHE = 'offline'
const OFFLINE_PAGE = '/offline'
/** A proxy returns these while it cannot reach the site. The site itself never does. */
const PROXY_ERRORS = new Set([502, 504])

scope.addEventListener('install', (event) => {
  event.waitUntil(storeOfflinePage())
  const others = { condition: { not: { requestMode: 'navigate' } }, source: 'network' }
  // A browser that does not know this condition sends the other requests through the worker, which ignores them.
  event.addRoutes?.(others).catch(() => {})
})

scope.addEventListener('activate', (event) => {
  // The browser sends the request while it starts the worker, so the worker delays no page.
  event.waitUntil(Promise.resolve(scope.registration.navigationPreload?.enable()))
})

scope.addEventListener('fetch', (event) => {
  const { mode, method } = event.request
  if (mode === 'navigate' && method === 'GET') event.respondWith(load(event))
})

async function storeOfflinePage(): Promise<void> {
  const cache = await caches.open(CACHE)
  await cache.add(new Request(OFFLINE_PAGE, { cache: 'reload', credentials: 'omit' }))
  await scope.skipWaiting()
}

async function load({ request, preloadResponse }: NavigationEvent): Promise<Response> {
  try {
    const response = (await preloadResponse) ?? (await fetch(request))
    return PROXY_ERRORS.has(response.status) ? ((await offlinePage()) ?? response) : response
  } catch (error) {
    const page = await offlinePage()
    if (page) return page
    throw error
  }
}

async function offlinePage(): Promise<Response | undefined> {
  const page = await caches.match(OFFLINE_PAGE)
  return page && new Response(page.body, { status: 503, headers: page.headers })
}

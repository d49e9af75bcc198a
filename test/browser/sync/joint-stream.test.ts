import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import type { BrowserContext, CDPSession, Page } from 'playwright-core'
import { launchChromium } from '../../support/browser/chromium.ts'
import { useSession } from '../../support/browser/open-as.ts'
import { contextOf, countStreams, openTab } from '../../support/browser/tabs.ts'
import { eventually } from '../../support/eventually.ts'
import { startForwarder, type Forwarder } from '../../support/servers/forwarder.ts'
import { useSite } from '../../support/site.ts'

describe('the joint stream of several tabs', () => {
  const {
    database,
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  /** The requests of streams, and what the proxy does with them and with the worker's script. */
  const requested: URL[] = []
  const open = new Set<ServerResponse>()
  let status: { stream?: number; worker?: number } = {}
  let proxy: Forwarder
  let context: BrowserContext
  let post: string
  let comments = 0

  before(async () => {
    await bob.post('/users/ann/follow')
    proxy = await startForwarder(ann.origin, {
      handle(request, response) {
        const url = new URL(request.url ?? '', ann.origin)
        const kind = url.pathname.endsWith('/stream')
          ? 'stream'
          : /worker/.test(url.pathname)
            ? 'worker'
            : null
        if (kind === 'stream') requested.push(url)
        if (kind === 'stream') open.add(response)
        const refused = kind && status[kind]
        if (refused) response.writeHead(refused).end('Bad gateway')
        return Boolean(refused)
      },
    })
  })
  beforeEach(async () => {
    status = {}
    requested.length = 0
    post = await write('The post of a page')
    context = await contextOf(bob, { origin: proxy.origin })
  })
  afterEach(async () => {
    await context.close()
    await eventually(
      () => countStreams(instances[0]!),
      (count) => count === 0,
    )
  })
  after(() => proxy.close())

  async function write(body: string): Promise<string> {
    return (await ann.post('/posts', { body })).json.post.id
  }
  const openAll = (paths: string[]) => Promise.all(paths.map((path) => openTab(context, proxy.origin + path)))
  const shows = (page: Page, text: string) => page.locator('#live', { hasText: text }).waitFor()

  /** Ann comments on the post. Returns the text, which nobody has written before. */
  async function comment(): Promise<string> {
    const body = `comment ${++comments}.`
    await ann.post(`/posts/${post}/comments`, { body })
    return body
  }
  /** Checks that each tab shows a new comment, once. */
  async function expectLive(tabs: Page[]): Promise<void> {
    const text = await comment()
    await expectShown(tabs, text)
  }
  async function expectShown(tabs: Page[], text: string): Promise<void> {
    await Promise.all(tabs.map((page) => shows(page, text)))
    for (const page of tabs) expect(await page.locator('.comment', { hasText: text }).count()).to.equal(1)
  }

  /** Ends the open streams as a broken network does. */
  function cut(): void {
    for (const response of open) response.destroy()
    open.clear()
  }
  /** Reconnects at once, instead of after the wait that the server asked for. */
  const reconnect = (page: Page) => page.evaluate(() => window.dispatchEvent(new Event('online')))

  /** Counts the requests of a tab for the state of its page. */
  function countFetches(page: Page): () => number {
    let count = 0
    page.on('request', (request) => {
      if (request.resourceType() === 'fetch' && request.method() === 'GET') count += 1
    })
    return () => count
  }

  it('shows a banner in every tab after 5 s of 502, and then continues after the last event', async function () {
    this.timeout(60_000)
    const tabs = await openAll(['/', '/public', '/users/ann', `/posts/${post}`])
    await expectLive(tabs)
    const { seq } = (await bob.get('/')).json
    requested.length = 0
    status.stream = 502
    cut()
    const start = Date.now()
    const delays = await Promise.all(
      tabs.map(async (page) => {
        await page.locator('#connection', { hasText: 'Reconnecting' }).waitFor()
        return Date.now() - start
      }),
    )
    for (const delay of delays) expect(delay).to.be.within(4_500, 10_000)
    const missed = await comment()
    await eventually(() => requested.length >= 2, Boolean, { timeout: 20_000 })
    status = {}
    await expectShown(tabs, missed)
    for (const page of tabs) await page.locator('#connection').waitFor({ state: 'hidden' })
    expect(new Set(requested.map((url) => url.searchParams.get('after')))).to.deep.equal(new Set([seq]))
  })

  it('leaves out a page that is gone, and reports it to the tab of that page only', async () => {
    const [gone, ...others] = (await openAll([`/posts/${post}`, '/', '/public'])) as [Page, Page, Page]
    await expectLive([gone, ...others])
    const fetches = others.map(countFetches)
    await cutAndDelete()
    await reconnect(gone)
    await gone.getByText('This page does not exist, or you do not have access to it.').waitFor()
    post = await write('Another post')
    await expectLive(others)
    expect(fetches.map((count) => count())).to.deep.equal([0, 0])
    expect(await countStreams(instances[0]!)).to.equal(1)
  })

  it('continues for the others when the page of its path is gone', async () => {
    const [gone, other] = (await openAll([`/posts/${post}`, '/public'])) as [Page, Page]
    await expectLive([gone, other])
    await cutAndDelete()
    await reconnect(gone)
    await gone.getByText('This page does not exist').waitFor()
    post = await write('Another post')
    await expectLive([other])
  })

  /** Deletes the post while there is no stream, and without an event: the page learns of it only from the answer. */
  async function cutAndDelete(): Promise<void> {
    status.stream = 502
    cut()
    await database.query(`set session_replication_role = replica; delete from posts where id = ${post}`)
    status = {}
  }

  it('does not reset the other tabs when a frozen one returns with an old cursor: it fetches alone', async () => {
    const tabs = await openAll(['/', '/public', `/posts/${post}`])
    await expectLive(tabs)
    const [late, ...others] = tabs as [Page, Page, Page]
    const thaw = await freeze(late)
    await database.query("select setval('log_seq', (select last_value from log_seq) + 6000)")
    const missed = await comment()
    await expectShown(others, missed)
    const fetches = tabs.map(countFetches)
    await thaw()
    await expectShown(tabs, missed)
    await expectLive(tabs)
    expect(fetches.map((count) => count())).to.deep.equal([1, 0, 0])
  })

  it('replays what a frozen tab missed for a short time, without a fetch', async () => {
    const tabs = await openAll(['/', '/public'])
    await expectLive(tabs)
    const fetches = tabs.map(countFetches)
    const thaw = await freeze(tabs[0]!)
    const missed = await comment()
    await expectShown([tabs[1]!], missed)
    await thaw()
    await expectShown(tabs, missed)
    expect(fetches.map((count) => count())).to.deep.equal([0, 0])
  })

  /** Chromium freezes only hidden tabs, and Playwright keeps all tabs visible. So the page gets only the events. */
  async function freeze(page: Page): Promise<() => Promise<void>> {
    const send = (name: string) => page.evaluate((type) => document.dispatchEvent(new Event(type)), name)
    await send('freeze')
    return async () => void (await send('resume'))
  }

  // The browser runs the worker in the process of one of these tabs, so one of the two tests ends the worker too.
  for (const [which, crashingIndex] of [
    ['first', 0],
    ['last', 1],
  ] as const) {
    it(`leaves out the page of a tab that crashed, if it was opened ${which}`, async function () {
      this.timeout(60_000)
      const paths = [`/posts/${post}`, '/public']
      const tabs: Page[] = []
      for (const path of paths) tabs.push(await openTab(context, proxy.origin + path))
      await expectLive(tabs)
      const crashing = tabs[crashingIndex]!
      const other = tabs[1 - crashingIndex]!
      const crashed = crashing.waitForEvent('crash')
      void crashing.goto('chrome://crash').catch(() => {})
      await crashed
      await expectLive([other])
      const onlyOther = `${paths[1 - crashingIndex]}/stream`
      await eventually(
        async () => {
          await reconnect(other)
          const { pathname, searchParams } = requested.at(-1)!
          return pathname === onlyOther && !searchParams.has('with')
        },
        Boolean,
        { every: 600, timeout: 15_000 },
      )
      await expectLive([other])
    })
  }

  it('is replaced by a stream of each tab if the worker’s script cannot be loaded', async () => {
    status.worker = 404
    const tabs = await openAll(['/', '/public'])
    await expectLive(tabs)
    expect(await countStreams(instances[0]!)).to.equal(2)
  })

  it('serves the tabs of a signed-out visitor too', async () => {
    await context.clearCookies()
    const tabs = await openAll(['/', '/users/ann', `/posts/${post}`])
    await expectLive(tabs)
    expect(await countStreams(instances[0]!)).to.equal(1)
    expect(requested.some((url) => url.searchParams.has('as'))).to.equal(false)
  })

  async function workers(session?: CDPSession) {
    session ??= await (await launchChromium()).newBrowserCDPSession()
    const { targetInfos } = await session.send('Target.getTargets')
    return targetInfos.filter(({ type, url }) => type === 'shared_worker' && url.startsWith(proxy.origin))
  }

  async function endWorker(): Promise<void> {
    const session = await (await launchChromium()).newBrowserCDPSession()
    const { targetId } = (await workers(session))[0]!
    await session.send('Target.closeTarget', { targetId })
    await eventually(async () => (await workers(session)).every((worker) => worker.targetId !== targetId))
  }

  it('opens again in a new worker at once if the browser ends the worker', async () => {
    const tabs = await openAll(['/', '/public'])
    await expectLive(tabs)
    await endWorker()
    await expectLive(tabs)
    expect(await countStreams(instances[0]!)).to.equal(1)
  })

  it('is replaced when a tab is shown, if the browser has no locks to report the end of the worker', async function () {
    this.timeout(60_000)
    await context.addInitScript(() => Object.defineProperty(navigator, 'locks', { value: undefined }))
    const tabs = await openAll(['/'])
    await expectLive(tabs)
    await endWorker()
    const missed = await comment()
    await tabs[0]!.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await expectShown(tabs, missed)
  })

  it('belongs to one person: when another one signs in, the tabs of the first one leave it', async () => {
    const [bobs] = (await openAll(['/'])) as [Page]
    await expectLive([bobs])
    // Bob’s session does not end, so his stream stays open.
    await useSession(context, ann, proxy.origin)
    const [anns] = (await openAll(['/'])) as [Page]
    await expectLive([bobs, anns])
    expect(requested.map((url) => url.searchParams.get('as'))).to.deep.equal(['2', '1'])
    const script = await anns.locator('script[src*="/build/app-"]').getAttribute('src')
    expect((await workers()).map(({ title }) => title).toSorted()).to.deep.equal([
      `${script} 1`,
      `${script} 2`,
    ])
    cut()
    await reconnect(bobs)
    // The sign-in page leads Ann to her home page.
    await bobs.waitForFunction(() => document.body.dataset.me?.includes('"username":"ann"'))
    await expectLive([anns, bobs])
  })
})

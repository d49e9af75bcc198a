import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { contextOf, countStreams, openTab, withoutSharedWorkers } from '../../support/browser/tabs.ts'
import { eventually } from '../../support/eventually.ts'
import { startForwarder } from '../../support/servers/forwarder.ts'
import { useSite } from '../../support/site.ts'

describe('a tab without a shared worker', () => {
  const {
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  let post: string
  let written = 0

  before(async () => {
    await bob.post('/users/ann/follow')
    post = (await ann.post('/posts', { body: 'A post' })).json.post.id
  })
  afterEach(async () => {
    await context.close()
    await eventually(streams, (count) => count === 0)
  })

  const streams = () => countStreams(instances[0]!)
  const setHidden = (page: Page, hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)

  async function comment(): Promise<string> {
    const body = `comment ${++written}.`
    await ann.post(`/posts/${post}/comments`, { body })
    return body
  }
  async function expectShown(page: Page, text: string): Promise<void> {
    await page.locator('.comment', { hasText: text }).waitFor()
    expect(await page.locator('.comment', { hasText: text }).count()).to.equal(1)
  }

  it('has a stream only while it is visible: nine tabs over HTTP/1.1 load, and change when they are shown', async function () {
    this.timeout(60_000)
    context = await contextOf(bob)
    await withoutSharedWorkers(context)
    const tabs: Page[] = []
    for (let n = 0; n < 9; n++) {
      if (n > 0) await setHidden(tabs[n - 1]!, true)
      tabs.push(await openTab(context, ann.origin + (n % 2 ? `/posts/${post}` : '/')))
    }
    await expectShown(tabs[8]!, await comment())
    expect(await streams()).to.equal(1)
    const [first] = tabs as [Page]
    let fetches = 0
    first.on('request', (request) => {
      if (/^\/(\?|$)/.test(new URL(request.url()).pathname)) fetches += 1
    })
    const missed = await comment()
    await setHidden(tabs[8]!, true)
    await eventually(streams, (count) => count === 0)
    await setHidden(first, false)
    await expectShown(first, missed)
    await expectShown(first, await comment())
    expect(fetches, 'the stream sends what was missed').to.equal(0)
  })

  it('loads the script of its stream again if it could not be loaded', async () => {
    context = await contextOf(bob)
    await withoutSharedWorkers(context)
    let requests = 0
    await context.route('**/build/joint-stream-*', (route) =>
      ++requests < 4 ? route.abort() : route.continue(),
    )
    const page = await openTab(context, `${ann.origin}/posts/${post}`)
    await page.locator('#connection', { hasText: 'Reconnecting' }).waitFor()
    await expectShown(page, await comment())
    await page.locator('#connection').waitFor({ state: 'hidden' })
  })

  it('opens a stream of its own after 10 s if the worker does not answer', async function () {
    this.timeout(60_000)
    // The worker's script never arrives.
    const proxy = await startForwarder(ann.origin, { handle: ({ url }) => /worker/.test(url ?? '') })
    context = await contextOf(bob, { origin: proxy.origin })
    const page = await openTab(context, `${proxy.origin}/posts/${post}`)
    await eventually(streams, (count) => count === 1, { timeout: 20_000 })
    await expectShown(page, await comment())
    await context.close()
    proxy.close()
  })
})

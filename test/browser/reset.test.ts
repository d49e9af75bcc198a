import { expect } from 'chai'
import type { BrowserContext, Page, Route } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { useSite } from '../support/site.ts'
import { password } from '../support/http.ts'

describe('a page after a reset', () => {
  const {
    database,
    people: { ann, bob, cleo },
    guest,
  } = useSite({ people: ['ann', 'bob', 'cleo'] })
  let context: BrowserContext
  let page: Page
  /** How often the page's state was fetched. */
  let fetches: number

  before(async function () {
    this.timeout(60_000)
    await ann.post('/users/bob/follow')
    await bob.post('/posts', { body: 'The first post' })
    await cleo.post('/posts', { body: 'Hello from Cleo' })
  })
  beforeEach(async () => {
    await ann.post('/users/cleo/unfollow')
    context = await newContext({ viewport: { width: 900, height: 700 } })
    page = await context.newPage()
    await page.goto(`${guest.origin}/login`)
    await page.fill('[name=username]', 'ann')
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(`${guest.origin}/`)
    await isLive()
    fetches = 0
  })
  afterEach(() => context.close())

  const text = (body: string) => page.locator('article.post', { hasText: body }).first()
  const banner = () => page.locator('#connection', { hasText: 'out of date' })
  const write = (body: string) => bob.post('/posts', { body })

  /** Waits until the stream of the page delivers events. */
  async function isLive(): Promise<void> {
    const { post } = (await write('The page is live')).json
    await page.locator(`#post-${post.id}`).waitFor()
  }

  /** Handles each fetch of the page's state; `fetch` counts them from 1. */
  async function onFetch(answer: (route: Route, fetch: number) => Promise<void>): Promise<void> {
    await page.route(`${guest.origin}/`, async (route) => {
      // The column beside the posts is fetched as HTML.
      const isState = route.request().headers().accept === 'application/json'
      return isState ? answer(route, ++fetches) : route.continue()
    })
  }
  const refuse = (route: Route) => route.fulfill({ status: 503, json: { error: { message: 'Too busy' } } })

  it('repeats a fetch that fails, and shows a banner meanwhile', async () => {
    await onFetch((route, fetch) => (fetch < 3 ? refuse(route) : route.continue()))
    await ann.post('/users/cleo/follow')
    await banner().waitFor()
    await text('Hello from Cleo').waitFor()
    await banner().waitFor({ state: 'hidden' })
    expect(fetches).to.equal(3)
  })

  it('names the cursor of the reset in its fetch, so that no instance answers with an older page', async () => {
    const { seq } = (await ann.get('/')).json
    let cursor = ''
    await onFetch((route) => {
      cursor = route.request().headers()['last-event-id'] ?? ''
      return route.continue()
    })
    await ann.post('/users/cleo/follow')
    await text('Hello from Cleo').waitFor()
    expect(Number(cursor)).to.be.above(Number(seq))
  })

  it('applies the events that it held during failed fetches', async () => {
    let answering = refuse
    await onFetch((route) => answering(route))
    await ann.post('/users/cleo/follow')
    await banner().waitFor()
    // The fetched state does not contain the next post. The page can know it only from the event.
    const state = await ann.get('/')
    await write('Posted during the outage')
    answering = (route) => route.fulfill({ json: state.json })
    await text('Posted during the outage').waitFor()
    await text('Hello from Cleo').waitFor()
    await banner().waitFor({ state: 'hidden' })
  })

  it('loads its script for that again if it could not be loaded', async () => {
    let requests = 0
    await page.route('**/build/reset-*', (route) => (++requests < 4 ? route.abort() : route.continue()))
    await ann.post('/users/cleo/follow')
    await banner().waitFor()
    await text('Hello from Cleo').waitFor()
    await banner().waitFor({ state: 'hidden' })
  })

  it('drops state whose fetch began before a later reset', async () => {
    await page.evaluate(() => {
      const seen = () => {
        if (document.body.textContent.includes('Hello from Cleo')) document.body.dataset.cleo = 'seen'
      }
      new MutationObserver(seen).observe(document.body, { childList: true, subtree: true })
    })
    const [fetched, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    await onFetch(async (route, fetch) => {
      if (fetch > 1) return route.continue()
      const response = await route.fetch()
      fetched.resolve()
      await release.promise
      await route.fulfill({ response })
    })
    const otherTab = await context.newPage()
    await otherTab.goto(`${guest.origin}/`)
    await ann.post('/users/cleo/follow')
    await otherTab.getByText('Hello from Cleo').waitFor()
    await fetched.promise
    await ann.post('/users/cleo/unfollow')
    await otherTab.getByText('Hello from Cleo').waitFor({ state: 'detached' })
    release.resolve()
    await write('After both')
    await text('After both').waitFor()
    expect(await page.evaluate(() => document.body.dataset.cleo)).to.equal(undefined)
    expect(fetches).to.equal(2)
  })

  it('fetches the state of a hidden page when it is shown', async () => {
    const setHidden = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    const otherTab = await context.newPage()
    await otherTab.goto(`${guest.origin}/`)
    await setHidden(true)
    await onFetch((route) => route.continue())
    await ann.post('/users/cleo/follow')
    await otherTab.getByText('Hello from Cleo').first().waitFor()
    expect(fetches).to.equal(0)
    await setHidden(false)
    await text('Hello from Cleo').waitFor()
    expect(fetches).to.equal(1)
  })

  it('holds up to 500 events, then drops them and fetches again', async function () {
    this.timeout(30_000)
    const [fetched, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    await onFetch(async (route, fetch) => {
      fetched.resolve()
      if (fetch === 1) await release.promise
      await route.continue()
    })
    const otherTab = await context.newPage()
    await otherTab.goto(`${guest.origin}/`)
    await ann.post('/users/cleo/follow')
    await fetched.promise
    await database.query(`
      insert into posts (author_id, body)
      select u.id, 'one of many ' || n from users u, generate_series(1, 520) n where u.username = 'bob'`)
    await write('The last of many')
    await otherTab.getByText('The last of many').waitFor()
    release.resolve()
    await text('The last of many').waitFor()
    expect(fetches).to.equal(2)
    // If the page had applied the events, it would show every post.
    expect(await page.locator('article.post').count()).to.be.lessThan(100)
  })

  it('waits a random time before it fetches, except after a follow made on it', async () => {
    await page.addInitScript(() => {
      Math.random = () => 0.999
      window.SharedWorker = class extends SharedWorker {
        constructor(url: string | URL, options?: string | WorkerOptions) {
          super(url, options)
          this.port.addEventListener('message', ({ data }) => {
            if (data.name === 'reset') document.body.dataset.reset = 'received'
          })
        }
      }
    })
    const received = page.locator('body[data-reset=received]')
    await cleo.post('/posts', { body: 'A newer post of Cleo' })
    await page.clock.install()
    await page.reload()
    await isLive()
    await page.clock.pauseAt(Date.now() + 1_000)
    await onFetch((route) => route.continue())
    await page.locator(`form[action="/users/cleo/follow"] button`).click()
    await received.waitFor()
    await page.clock.runFor(1)
    await text('A newer post of Cleo').waitFor()
    expect(fetches).to.equal(1)

    await page.clock.runFor(6_000)
    await page.evaluate(() => delete document.body.dataset.reset)
    await ann.post('/users/cleo/unfollow')
    await received.waitFor()
    await page.clock.runFor(1_000)
    await page.evaluate(() => fetch('/livez'))
    expect(fetches).to.equal(1)
    await page.clock.runFor(1_000)
    await text('A newer post of Cleo').waitFor({ state: 'detached' })
    expect(fetches).to.equal(2)
  })

  it('shows a message if the page does not exist any more', async () => {
    await onFetch((route) => route.fulfill({ status: 404, json: { error: { message: 'Not found' } } }))
    await ann.post('/users/cleo/follow')
    await page.getByText('This page does not exist').waitFor()
    expect(fetches).to.equal(1)
  })

  // This test must be the last: it sets the database back, so the `seq` of the next change is lower than those that the
  // instance knows.
  it('applies events with lower numbers after the database went back', async () => {
    const { seq } = (await ann.get('/')).json
    for (let n = 0; n < 5; n++) await write(`Lost ${n}`)
    await text('Lost 4').waitFor()
    let isRefusing = true
    await onFetch((route) => (isRefusing ? refuse(route) : route.continue()))
    await database.query('delete from log where seq > $1', [seq])
    await database.query("select setval('log_seq', $1)", [seq])
    await database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'koafeed:listener:%'",
    )
    await banner().waitFor()
    isRefusing = false
    await banner().waitFor({ state: 'hidden' })
    await write('After the restore')
    await text('After the restore').waitFor()
  })
})

import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { DESKTOP } from '../../support/browser/viewports.ts'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

describe('new posts', () => {
  const {
    database,
    people: { ann, bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  let page: Page

  before(() =>
    database.query(
      `insert into subscriptions (user_id, feed_id)
       select a.id, b.feed_id from users a, users b where a.username = 'ann' and b.username = 'bob'`,
    ),
  )
  beforeEach(async () => {
    await database.query('delete from posts')
    await write(12)
    page = await signIn(await newContext({ viewport: DESKTOP }), guest.origin, 'ann')
  })
  afterEach(() => page.context().close())

  /** Bob writes posts, in one transaction. */
  async function write(count: number, text = 'Post'): Promise<void> {
    await database.query(
      `insert into posts (author_id, body)
       select u.id, $2 || ' ' || n from generate_series(1, $1) n, users u where u.username = 'bob' order by n`,
      [count, text],
    )
  }
  const postWith = (text: string) => page.locator('.post', { hasText: text }).first()
  const button = () => page.locator('#waiting')
  const scrollY = () => page.evaluate(() => window.scrollY)

  it('come in by themselves after the button was pressed, although a card has the focus', async () => {
    await page.evaluate(() => window.scrollTo(0, 500))
    await bob.post('/posts', { body: 'Behind the button' })
    await button().waitFor()
    await button().focus()
    await page.keyboard.press('Enter')
    await postWith('Behind the button').waitFor()
    await page.waitForFunction(() => document.activeElement?.matches('.post'))
    for (let n = 1; n <= 3; n++) {
      await bob.post('/posts', { body: `At the top ${n}` })
      await postWith(`At the top ${n}`).waitFor()
      expect(await scrollY()).to.equal(0)
    }
    expect(await button().isVisible()).to.equal(false)
    expect(await page.evaluate(() => document.activeElement?.textContent)).to.include('Behind the button')
  })

  it('wait while the stream is paused, except the own ones, and appear when it is resumed', async () => {
    await page.getByRole('button', { name: 'Pause' }).click()
    await write(3, 'While paused')
    await page.getByRole('button', { name: '3 new posts' }).waitFor()
    expect(await postWith('While paused').count()).to.equal(0)
    await ann.post('/posts', { body: 'An own post' })
    await postWith('An own post').waitFor()
    await page.getByRole('button', { name: 'Resume' }).click()
    await postWith('While paused 3').waitFor()
    expect(await button().isVisible()).to.equal(false)
    await bob.post('/posts', { body: 'Live again' })
    await postWith('Live again').waitFor()
  })

  it('are announced together, at most every 20 seconds', async () => {
    await page.evaluate(() => {
      const said: string[] = []
      Object.assign(window, { said })
      const status = document.getElementById('status')!
      new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true })
    })
    await write(3, 'First')
    await postWith('First 3').waitFor()
    const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said)
    await eventually(async () => (await said()).length > 0)
    await write(2, 'Second')
    await postWith('Second 2').waitFor()
    expect(await said()).to.deep.equal(['3 new posts'])
  })

  it('are counted in the title only while the tab is in the background', async () => {
    const title = await page.title()
    await bob.post('/posts', { body: 'Seen' })
    await postWith('Seen').waitFor()
    expect(await page.title()).to.equal(title)
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    await hide(true)
    await write(3, 'Unseen')
    await eventually(async () => (await page.title()) === `(3) ${title}`)
    await hide(false)
    expect(await page.title()).to.equal(title)
  })

  it('wait in a bounded number, and leave no gap when they are shown', async function () {
    this.timeout(60_000)
    await page.evaluate(() => window.scrollTo(0, 500))
    for (let n = 0; n < 4; n++) await write(100, `Waiting ${n} number`)
    await page.getByRole('button', { name: '400 new posts' }).click()
    const ids = await page
      .locator('.post')
      .evaluateAll((posts) => posts.map((post) => Number((post as HTMLElement).dataset.post)))
    const [newest] = await database.query<{ max: string }>('select max(id) from posts')
    expect(ids).to.deep.equal(Array.from({ length: 300 }, (_, n) => Number(newest!.max) - n))
    const href = await page.locator('#older').getAttribute('href')
    expect(href).to.match(new RegExp(`_${ids.at(-1)}$`))
  })

  it('leave at most 300 posts in the page after 5,000 events, and older ones come again', async function () {
    this.timeout(180_000)
    const session = await page.context().newCDPSession(page)
    const heap = async () => {
      await session.send('HeapProfiler.collectGarbage')
      return (await session.send('Runtime.getHeapUsage')).usedSize
    }
    const count = () => page.locator('.post').count()
    const isFull = async () => eventually(async () => (await count()) === 300, Boolean, { timeout: 30_000 })
    async function pour(from: number, to: number): Promise<void> {
      for (let n = from; n < to; n += 100) await write(100, `Event ${n} number`)
      await postWith(`Event ${to - 100} number 100`).waitFor({ timeout: 30_000 })
    }
    await pour(0, 1000)
    await isFull()
    const early = await heap()
    await pour(1000, 5000)
    await isFull()
    const late = await heap()
    console.log(
      `      heap after 1,000 events ${(early / 1e6).toFixed(1)} MB, after 5,000 ${(late / 1e6).toFixed(1)} MB`,
    )
    expect(late).to.be.below(early * 1.25)
    const ids = await page
      .locator('.post')
      .evaluateAll((posts) => posts.map((post) => Number((post as HTMLElement).dataset.post)))
    const [newest] = await database.query<{ max: string }>('select max(id) from posts')
    expect(ids).to.deep.equal(Array.from({ length: 300 }, (_, n) => Number(newest!.max) - n))
    const link = page.getByRole('link', { name: 'Older posts' })
    await page.goto(new URL((await link.getAttribute('href'))!, guest.origin).href)
    expect(await page.locator('.post').first().getAttribute('data-post')).to.equal(String(ids.at(-1)! - 1))
  })
})

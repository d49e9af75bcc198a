import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { DESKTOP } from '../../support/browser/viewports.ts'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

describe('older posts', () => {
  const {
    database,
    people: { bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  let page: Page

  before(async function () {
    this.timeout(60_000)
    await database.query(
      `insert into subscriptions (user_id, feed_id)
       select a.id, b.feed_id from users a, users b where a.username = 'ann' and b.username = 'bob'`,
    )
    for (let n = 1; n <= 65; n++) {
      await database.query(
        `insert into posts (author_id, body, created_at)
         select id, 'Post ' || $1::integer, now() - interval '1 hour' + $1::integer * interval '1 second' from users where username = 'bob'`,
        [n],
      )
    }
  })
  beforeEach(async () => {
    page = await signIn(await newContext({ viewport: DESKTOP }), guest.origin, 'ann')
  })
  afterEach(() => page.context().close())

  const bodies = () => page.locator('.post .post-text').allTextContents()
  const toEnd = () => page.evaluate(() => window.scrollTo(0, document.body.scrollHeight))
  const shows = (count: number) => eventually(async () => (await bodies()).length === count)
  const expected = (count: number) => Array.from({ length: count }, (_, n) => `Post ${65 - n}`)
  /** The first visible post, and where it is. */
  const place = () =>
    page.evaluate(() => {
      const posts = [...document.querySelectorAll('.post')]
      const first = posts.find((post) => post.getBoundingClientRect().bottom > 100)!
      return { id: first.id, top: Math.round(first.getBoundingClientRect().top) }
    })
  const isAt = ({ id, top }: { id: string; top: number }) =>
    eventually(place, (now) => now.id === id && Math.abs(now.top - top) <= 1, { what: `${id} at ${top}` })
  const button = () => page.getByRole('link', { name: 'Older posts' })

  it('appear three times by themselves near the end, then with the button, and keep the place', async () => {
    expect(await bodies()).to.have.length(10)
    for (const count of [20, 30, 40]) {
      await toEnd()
      const before = await place()
      await shows(count)
      expect(await place()).to.deep.equal(before)
    }
    await toEnd()
    await page.evaluate(() => window.scrollBy(0, -10))
    await button().click()
    await shows(50)
    await page.waitForFunction(() => document.activeElement?.matches('.post:nth-of-type(41)'))
    await toEnd()
    await button().click()
    await shows(60)
    await button().click()
    await shows(65)
    expect(await bodies()).to.deep.equal(expected(65))
    expect(await button().isVisible()).to.equal(false)
  })

  it('have their positions in the feed, and its size once all are shown', async () => {
    const positions = () =>
      page
        .locator('.post')
        .evaluateAll((posts) => posts.map((post) => `${post.ariaPosInSet} of ${post.ariaSetSize}`))
    expect(await positions()).to.deep.equal(Array.from({ length: 10 }, (_, n) => `${n + 1} of -1`))
    await page.goto(`${guest.origin}/users/ann`)
    const { json } = await bob.post('/posts', { body: 'Liked by Ann' })
    await page.goto(guest.origin)
    await page.locator(`#post-${json.post.id} .like-form button`).click()
    await page.goto(`${guest.origin}/users/ann`)
    expect(await positions()).to.deep.equal(['1 of 1'])
    await bob.post(`/posts/${json.post.id}/comments`, { body: 'Changed' })
    await page.locator('.comment', { hasText: 'Changed' }).waitFor()
    expect(await positions(), 'after an update').to.deep.equal(['1 of 1'])
    await bob.post(`/posts/${json.post.id}/delete`)
  })

  it('are there again after Back, at the same place, with unfolded comments; also after a reload', async () => {
    const [row] = await database.query<{ id: string }>(`select id from posts where body = 'Post 40'`)
    await database.query(
      `insert into comments (post_id, author_id, body, created_at)
       select $1, id, 'Comment ' || n, now() - interval '2 hours' from users, generate_series(1, 9) n where username = 'bob'`,
      [row!.id],
    )
    for (const count of [20, 30]) {
      await toEnd()
      await shows(count)
    }
    await page.locator(`#post-${row!.id} .more a`).click()
    await page.locator(`#post-${row!.id} .comment`, { hasText: 'Comment 5' }).waitFor()
    await page
      .locator(`#post-${row!.id}`)
      .evaluate((post) => window.scrollBy(0, post.getBoundingClientRect().top - 90))
    const before = await place()
    expect(before.id).to.equal(`post-${row!.id}`)
    const shown = await bodies()
    await page.locator(`#post-${row!.id} .by .when`).click()
    await page.waitForURL(/\/posts\//)
    await bob.post('/posts', { body: 'Posted meanwhile' })
    await page.goBack()
    await eventually(async () => (await bodies()).length >= shown.length)
    await page.locator(`#post-${row!.id} .comment`, { hasText: 'Comment 5' }).waitFor()
    await isAt(before)
    const now = (await bodies()).filter((body) => body !== 'Posted meanwhile')
    expect(now.slice(0, shown.length)).to.deep.equal(shown)
    await page.reload()
    await isAt(before)
  })

  it('keep the place after Back on the first page, before anything is fetched', async () => {
    await page.evaluate(() => window.scrollTo(0, 300))
    const before = await place()
    await page.locator('.post .when').nth(4).click()
    await page.waitForURL(/\/posts\//)
    await page.route(/\?before=/, (route) => route.abort())
    await page.goBack()
    await isAt(before)
  })

  it('are pages of their own too, with a way back to the newest', async () => {
    await page.goto(new URL((await button().getAttribute('href'))!, guest.origin).href)
    expect(await page.getByRole('button', { name: 'Pause' }).count()).to.equal(0)
    await page.getByRole('link', { name: 'Back to the newest posts' }).click()
    await page.waitForURL(`${guest.origin}/`)
  })
})

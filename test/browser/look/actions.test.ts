import { expect } from 'chai'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { choose } from '../../support/browser/menus.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { useSite } from '../../support/site.ts'

const PHONE = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true }

describe('the actions of a card', () => {
  const { guest, people } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  let postId = ''
  before(async () => {
    const { post } = (await people.ann.post('/posts', { body: 'Fresh bread at noon' })).json
    postId = post.id
    const { comment } = (await people.ann.post(`/posts/${postId}/comments`, { body: 'Rye as well' })).json
    await people.bob.post(`/comments/${comment.id}/like`)
  })
  afterEach(() => context.close())

  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    context = await newContext(options)
    return signIn(context, guest.origin, 'ann')
  }
  const styleOf = (page: Page, selector: string, property: string) =>
    page
      .locator(selector)
      .first()
      .evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), property)

  it('are quiet: names are in the color of text, and only links in texts are blue', async () => {
    await people.ann.post(`/posts/${postId}/edit`, { body: 'Fresh bread at noon: https://bread.example/' })
    const page = await open()
    const ink = await styleOf(page, 'body', 'color')
    for (const [selector, weight] of [
      ['.by .name', '600'],
      ['.comment-by .name', '500'],
    ] as const) {
      expect([
        await styleOf(page, selector, 'color'),
        await styleOf(page, selector, 'font-weight'),
      ]).to.deep.equal([ink, weight])
    }
    const link = await styleOf(page, '.post-text a', 'color')
    const colors = await page
      .locator('.post a:visible, .post button:visible')
      .evaluateAll((elements) =>
        elements
          .filter((element) => !element.closest('.post-text, .comment-text'))
          .map((element) => getComputedStyle(element).color),
      )
    expect(colors).to.have.lengthOf.at.least(7).and.not.include(link)
  })

  it('of a comment appear under the mouse and with the keyboard focus', async () => {
    const page = await open()
    const actions = page.locator('.comment .acts')
    const opacity = () => actions.evaluate((element) => getComputedStyle(element).opacity)
    await page.mouse.move(0, 0)
    expect(await opacity()).to.equal('0')
    await page.locator('.comment').hover()
    expect(await opacity()).to.equal('1')
    await page.mouse.move(0, 0)
    await page.locator('.comment .when').focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.closest('.acts') !== null)).to.equal(true)
    expect(await opacity()).to.equal('1')
  })

  it('of a comment are in a menu on a touch screen, also without JavaScript', async () => {
    for (const javaScriptEnabled of [true, false]) {
      const page = await open({ ...PHONE, javaScriptEnabled })
      const actions = page.locator('.comment .acts')
      expect(await actions.isVisible()).to.equal(false)
      await page.locator('.comment .dots').tap()
      await actions.getByRole('link', { name: 'Edit' }).tap()
      const field = page.locator('.editor textarea')
      await field.waitFor()
      expect(await field.inputValue()).to.equal('Rye as well')
      expect(await actions.isVisible()).to.equal(false)
      if (javaScriptEnabled) await context.close()
    }
  })

  it('of a post are in a row of targets of 44 px on a touch screen', async () => {
    const page = await open(PHONE)
    const boxes = await page
      .locator('.post .meta .act')
      .evaluateAll((all) => all.map((element) => element.getBoundingClientRect().toJSON()))
    expect(boxes).to.have.length(3)
    for (const box of boxes) {
      expect(Math.min(box.width, box.height)).to.be.at.least(44)
      expect(box.top).to.equal(boxes[0].top)
    }
  })

  it('of a post open with the keyboard, and closing the editor returns the focus to their button', async () => {
    const page = await open()
    await page.locator('.meta .dots').focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    const field = page.locator('.editor textarea')
    await field.waitFor()
    expect(await field.evaluate((element) => element === document.activeElement)).to.equal(true)
    await page.keyboard.press('Escape')
    await page.waitForFunction(() => document.activeElement?.matches('.meta .dots'))
  })

  it('stay open when an event changes the card', async () => {
    const page = await open()
    await page.locator('.meta .dots').click()
    await people.bob.post(`/posts/${postId}/like`)
    await page.locator('.likes', { hasText: 'bob' }).waitFor()
    expect(await page.locator('.menu').getByRole('link', { name: 'Edit' }).isVisible()).to.equal(true)
    expect(await page.locator('.heart').innerText()).to.contain('1')
  })

  it('of a group hide "Leave" in a menu, so that nobody leaves by accident', async () => {
    await people.bob.post('/groups', { name: 'walks', title: 'Sunday walks' })
    await people.ann.post('/groups/walks/join')
    for (const javaScriptEnabled of [false, true]) {
      const page = await open({ javaScriptEnabled })
      await page.goto(`${guest.origin}/groups/walks`)
      const leave = page.getByRole('button', { name: 'Leave the group' })
      expect(await leave.isVisible()).to.equal(false)
      await page.locator('.profile .dots').click()
      await leave.click()
      await page.getByText('You left Sunday walks').waitFor()
      await page.getByRole('button', { name: 'Join Sunday walks' }).click()
      await page.locator('.profile .dots').waitFor()
      if (!javaScriptEnabled) await context.close()
    }
  })

  it('copy the address of a post', async () => {
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] })
    await choose(page.locator('.post'), 'Copy link')
    await page.getByText('Link copied').waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).to.equal(
      `${guest.origin}/posts/${postId}`,
    )
  })

  it('show the time in short, and read it in full to screen readers', async () => {
    const page = await open()
    const time = page.locator('.by time')
    expect(await time.locator('[aria-hidden]').innerText()).to.match(/^(now|\d+m)$/)
    expect(await time.locator('.visually-hidden').textContent()).to.match(/^(now|\d+ minutes? ago)$/)
    expect(await time.getAttribute('title')).to.match(/\d{4}/)
  })

  it('are surrounded by one outline when they have the focus, like everything else', async () => {
    const page = await open()
    for (const selector of [
      '.composer textarea',
      '.heart',
      '.dots.act',
      '.by .name',
      '.post',
      '.bar-me',
      '.bar a',
    ]) {
      await page.locator(selector).first().focus()
      // The browser shows the outline only if the keyboard was used last.
      await page.keyboard.press('Shift')
      expect(await styleOf(page, ':focus', 'outline'), selector)
        .to.match(/2px/)
        .and.match(/solid/)
    }
  })
})

import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { openAs } from '../../support/browser/open-as.ts'
import { useSite } from '../../support/site.ts'

describe('the composer', () => {
  const {
    people: { ann },
  } = useSite({ people: ['ann'] })
  let page: Page
  before(() => ann.post('/groups', { name: 'walks', title: 'Sunday walks', visibility: 'private' }))
  afterEach(() => page?.context().close())

  const field = () => page.locator('.composer textarea')
  const count = () => page.locator('.composer .length > :first-child')

  it('is one line until it has the focus, then has the audience at the left and Post at the right', async () => {
    page = await openAs(ann)
    expect(await page.locator('.composer .form-foot').isVisible()).to.equal(false)
    const closed = (await field().boundingBox())!.height
    await field().focus()
    expect((await field().boundingBox())!.height).to.be.above(closed)
    const audience = (await page.locator('.composer select').boundingBox())!
    const button = (await page.getByRole('button', { name: 'Post', exact: true }).boundingBox())!
    const form = (await page.locator('.composer').boundingBox())!
    expect(audience.x).to.be.below(form.x + form.width / 2)
    expect(button.x).to.be.above(form.x + form.width / 2)
    expect(Math.abs(audience.y + audience.height / 2 - button.y - button.height / 2)).to.be.below(4)
  })

  it('names the group on its page', async () => {
    page = await openAs(ann, '/groups/walks')
    expect(await field().getAttribute('placeholder')).to.equal('Write to Sunday walks…')
  })

  it('has no resize handle, and grows with its text', async () => {
    page = await openAs(ann)
    await field().focus()
    expect(await field().evaluate((element) => getComputedStyle(element).resize)).to.equal('none')
    const empty = (await field().boundingBox())!.height
    await field().fill('line\n'.repeat(9))
    expect((await field().boundingBox())!.height).to.be.above(empty + 80)
  })

  it('grows with its text in a browser without field-sizing', async () => {
    page = await openAs(ann)
    await page.addInitScript(() => {
      const { supports } = CSS
      CSS.supports = (name: string, value?: string) => name !== 'field-sizing' && supports(name, value!)
    })
    await page.reload()
    await field().evaluate((element) => element.style.setProperty('field-sizing', 'fixed'))
    await field().fill('line\n'.repeat(9))
    await page.waitForFunction(
      () => document.querySelector<HTMLElement>('.composer textarea')!.style.height !== '',
    )
    expect((await field().boundingBox())!.height).to.be.above(150)
  })

  it('counts characters as the server does, from 4,500 on', async () => {
    page = await openAs(ann)
    await field().fill('😀'.repeat(4499))
    await page.locator('.composer .length').waitFor({ state: 'attached' })
    expect(await count().isVisible()).to.equal(false)
    await field().press('End')
    await page.keyboard.type('é')
    await count().filter({ hasText: '4,500 of 5,000' }).waitFor()
    await field().fill('😀'.repeat(5001))
    await page.locator('.composer .too-long', { hasText: '5,001 of 5,000' }).waitFor()
    await page.locator('.composer [role=status]', { hasText: 'The text is too long.' }).waitFor()
    await field().press('Control+Enter')
    await page.locator('.composer .field-error', { hasText: 'at most 5,000 characters' }).waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal('composer-text')
    await field().fill('😀'.repeat(5000))
    expect(await page.locator('.field-error').count(), 'after the text has changed').to.equal(0)
    await field().press('Control+Enter')
    await page.locator('.post-text', { hasText: '😀' }).waitFor()
    await page.waitForFunction(() => !document.querySelector('.composer .length:not([hidden])'))
  })

  it('and all fields for long texts have a counter close to their limit, and take the direction of their text', async () => {
    const { post } = (await ann.post('/posts', { body: 'שלום' })).json
    for (const [path, name, limit] of [
      [`/posts/${post.id}`, '#reply textarea', 2000],
      [`/posts/${post.id}/edit`, '.editor textarea', 5000],
      ['/settings/profile', '[name=bio]', 500],
      ['/groups/new', '[name=description]', 1000],
    ] as const) {
      page = await openAs(ann, path)
      await page.fill(name, 'x'.repeat(limit * 0.9))
      const shown = `${(limit * 0.9).toLocaleString('en')} of ${limit.toLocaleString('en')}`
      await page.getByText(shown).waitFor()
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).to.be.at.most(0)
      await page.fill(name, 'שלום')
      expect(await page.locator(name).evaluate((element) => element.matches(':dir(rtl)'))).to.equal(true)
      await page.context().close()
    }
    page = await openAs(ann)
    expect(await page.locator(`#text-${post.id}`).evaluate((text) => text.matches(':dir(rtl)'))).to.equal(
      true,
    )
  })
})

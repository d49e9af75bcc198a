import { expect } from 'chai'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { signIn } from '../support/browser/sign-in.ts'
import { useSite } from '../support/site.ts'

describe('finding people in the browser', () => {
  const { people, guest } = useSite({ people: ['ann', 'bob', 'bobby', 'cleo'] })
  before(async () => {
    await people.ann.post('/users/cleo/follow')
    await people.ann.post('/groups', { name: 'garden', title: 'Garden', visibility: 'public' })
  })

  async function inBrowser(
    options: BrowserContextOptions,
    work: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await newContext(options)
    try {
      await work(await signIn(context, guest.origin, 'ann'))
    } finally {
      await context.close()
    }
  }
  const found = (page: Page) => page.locator('.people .handle').allTextContents()

  for (const javaScriptEnabled of [true, false]) {
    it(`begins in the bar${javaScriptEnabled ? '' : ', without JavaScript'}, and follows with one click`, () =>
      inBrowser({ viewport: { width: 1280, height: 800 }, javaScriptEnabled }, async (page) => {
        await page.getByRole('searchbox', { name: 'Find people' }).fill('Bob')
        await page.keyboard.press('Enter')
        await page.getByRole('heading', { name: 'Names that begin with “Bob”' }).waitFor()
        expect(await found(page)).to.deep.equal(['@bob', '@bobby'])
        expect(await page.getByRole('searchbox').inputValue()).to.equal('Bob')
        const person = page.locator('.person', { hasText: '@bobby' })
        await person.getByRole('button', { name: /^Follow/ }).click()
        await person.getByRole('button', { name: /^Unfollow/ }).click()
        await person.getByRole('button', { name: /^Follow/ }).waitFor()
        expect(page.url()).to.equal(`${guest.origin}/people?q=Bob`)
      }))
  }

  for (const width of [320, 390]) {
    it(`is one tap away at ${width} px, with what stands beside the posts elsewhere`, () =>
      inBrowser({ viewport: { width, height: 800 }, isMobile: true, hasTouch: true }, async (page) => {
        const item = page.locator('.bar').getByRole('link', { name: 'People', exact: true })
        const box = await item.boundingBox()
        expect(box?.height).to.be.at.least(44)
        expect(box?.width).to.be.at.least(44)
        await item.click()
        await page.getByRole('searchbox', { name: 'Name or username' }).waitFor()
        expect(await page.getByRole('searchbox').count(), 'one search field').to.equal(1)
        expect(await found(page)).to.include.members(['@bob', '@bobby'])
        const side = page.locator('.side')
        await side.getByRole('link', { name: 'Garden' }).waitFor()
        await side.getByRole('link', { name: 'cleo' }).waitFor()
        expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).to.equal(false)
      }))
  }
})

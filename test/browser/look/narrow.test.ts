import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { fillPages, pageRoutes, samplePath, type Samples } from '../../support/browser/pages.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { useSite } from '../../support/site.ts'

const NARROW = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true } as const

describe('a phone with 320 px', function () {
  this.timeout(60_000)
  const { database, people, guest } = useSite({ people: ['ann', 'bob', 'cleo', 'dora'] })
  const contexts: BrowserContext[] = []
  let samples: Samples
  let ann: Page
  let visitor: Page

  before(async () => {
    samples = await fillPages(database, people)
    for (let n = 0; n < 2; n++) contexts.push(await newContext(NARROW))
    ann = await signIn(contexts[0]!, guest.origin, 'ann')
    visitor = await contexts[1]!.newPage()
  })
  after(() => Promise.all(contexts.map((context) => context.close())))

  for (const route of pageRoutes()) {
    it(`shows ${route} without sideways scroll`, async () => {
      for (const page of [ann, visitor]) {
        const response = await page.goto(guest.origin + samplePath(route, samples))
        if (!response?.headers()['content-type']?.startsWith('text/html')) continue
        // A phone would zoom out to show what is too wide.
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).to.equal(320)
      }
    })
  }

  it('has a navigation of one row, with targets of 44 px', async () => {
    for (const page of [ann, visitor]) {
      await page.goto(`${guest.origin}/public`)
      const boxes = await page
        .locator('.bar-inner > a:visible, .bar-inner > button:visible')
        .evaluateAll((all) => all.map((element) => element.getBoundingClientRect().toJSON() as DOMRect))
      expect(boxes).to.have.lengthOf.at.least(5)
      for (const { top, height, width } of boxes) {
        expect(top).to.equal(boxes[0]!.top)
        expect(height).to.be.at.least(44)
        expect(width).to.be.at.least(24)
      }
    }
  })

  it('keeps "Sign out" apart from all other targets', async () => {
    await ann.goto(`${guest.origin}/`)
    await ann.locator('.bar-me').tap()
    const [signOut, ...others] = await ann.evaluate(() => {
      const targets = [...document.querySelectorAll<HTMLElement>('#account button, #account a')]
      const last = targets.find((target) => target.textContent === 'Sign out')!
      return [last, ...targets.filter((target) => target !== last)].map(
        (target) => target.getBoundingClientRect().toJSON() as DOMRect,
      )
    })
    expect(others).to.have.lengthOf.at.least(5)
    for (const { bottom } of others) expect(signOut!.top - bottom).to.be.at.least(8)
  })
})

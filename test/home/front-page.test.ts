import { expect } from 'chai'
import { newContext } from '../support/browser/chromium.ts'
import { useSite } from '../support/site.ts'

describe('the front page for signed-out visitors', () => {
  const { people, instances } = useSite({ people: ['ann'], instances: 2 })
  before(() => people.ann.post('/posts', { body: 'An early post' }))

  for (const { width, javaScriptEnabled } of [
    { width: 1280, javaScriptEnabled: true },
    { width: 390, javaScriptEnabled: true },
    { width: 390, javaScriptEnabled: false },
  ]) {
    const script = javaScriptEnabled ? '' : ', without JavaScript'
    it(`has one heading, one Register button, and what people say, at ${width} px${script}`, async () => {
      const context = await newContext({ viewport: { width, height: 800 }, javaScriptEnabled })
      try {
        const page = await context.newPage()
        await page.goto(`${instances[1]!.origin}/`)
        const heading = page.getByRole('heading', { level: 1 })
        expect(await heading.count()).to.equal(1)
        expect(await heading.evaluate((element) => getComputedStyle(element).fontSize)).to.equal('32px')
        expect(await page.getByRole('link', { name: 'Register' }).count()).to.equal(1)
        await page.locator('article.post', { hasText: 'An early post' }).waitFor()
        if (javaScriptEnabled) {
          const body = `Said just now, at ${width} px`
          await people.ann.post('/posts', { body })
          await page.locator('article.post', { hasText: body }).waitFor()
        }
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
        expect(tooWide).to.equal(false)
        await page.getByRole('link', { name: 'Register' }).click()
        await page.waitForURL(/\/register$/)
      } finally {
        await context.close()
      }
    })
  }
})

import { expect } from 'chai'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { useSite } from '../../support/site.ts'

const LIGHT = 'rgb(243, 245, 248)'
const DARK = 'rgb(16, 20, 24)'

describe('the theme of a page', () => {
  const site = useSite({ people: ['ann'] })
  let context: BrowserContext
  afterEach(() => context.close())

  async function open(options: BrowserContextOptions): Promise<Page> {
    context = await newContext(options)
    return signIn(context, site.guest.origin, 'ann')
  }

  /** The colors of the page, of a button of Bootstrap's, and of what the browser draws itself. */
  const colors = (page: Page) =>
    page.evaluate(() => {
      const root = getComputedStyle(document.documentElement)
      return [
        getComputedStyle(document.body).backgroundColor,
        root.getPropertyValue('--bs-tertiary-bg').trim(),
      ]
    })
  const background = async (page: Page) => (await colors(page))[0]

  async function choose(page: Page, theme: string): Promise<void> {
    await page.locator('.bar-me').click()
    await page.getByRole('button', { name: theme, exact: true }).click()
  }

  it('is that of the system, and follows it', async () => {
    const page = await open({ colorScheme: 'light' })
    expect(await background(page)).to.equal(LIGHT)
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await background(page)).to.equal(DARK)
  })

  it('changes at once when the reader chooses, and no later page shows another', async () => {
    const page = await open({ colorScheme: 'dark' })
    const system = await colors(page)
    const saved = page.waitForResponse('**/theme')
    await choose(page, 'Light')
    await page.waitForFunction(() => document.documentElement.dataset.bsTheme === 'light')
    const light = await colors(page)
    expect(light[0]).to.equal(LIGHT)
    expect(light[1], 'Bootstrap’s own variables').not.to.equal(system[1])
    expect(
      await page.getByRole('button', { name: 'Light', exact: true }).getAttribute('aria-pressed'),
    ).to.equal('true')
    await saved
    const head = () =>
      page
        .locator('meta[name$="color"], meta[name="color-scheme"]')
        .evaluateAll((all) => all.map((meta) => meta.outerHTML))
    const chosen = await head()
    expect(chosen).to.have.length(3)
    for (const path of ['/', '/public', '/no-such-page']) {
      await page.goto(site.guest.origin + path)
      expect(await colors(page)).to.deep.equal(light)
      expect(await head(), 'the head as the server sends it').to.deep.equal(chosen)
    }
    const back = page.waitForResponse('**/theme')
    await choose(page, 'System')
    await page.waitForFunction(() => !document.documentElement.dataset.bsTheme)
    expect(await colors(page)).to.deep.equal(system)
    await back
  })

  it('is shown by another tab as soon as the reader returns to it', async () => {
    const page = await open({ colorScheme: 'light' })
    const other = await context.newPage()
    await other.goto(`${site.guest.origin}/public`)
    const saved = page.waitForResponse('**/theme')
    await choose(page, 'Dark')
    await saved
    await other.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await other.waitForFunction(() => document.documentElement.dataset.bsTheme === 'dark')
    expect(await background(other)).to.equal(DARK)
  })

  it('can be chosen without JavaScript', async () => {
    const page = await open({ colorScheme: 'light', javaScriptEnabled: false })
    await page.goto(`${site.guest.origin}/groups`)
    await choose(page, 'Dark')
    await page.waitForURL('**/groups')
    expect(await background(page)).to.equal(DARK)
  })

  for (const javaScriptEnabled of [true, false]) {
    it(`can be chosen by signed-out visitors ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      context = await newContext({ colorScheme: 'light', javaScriptEnabled })
      const page = await context.newPage()
      await page.goto(`${site.guest.origin}/`)
      const saved = page.waitForResponse((response) => response.request().method() === 'POST')
      await page.getByRole('button', { name: 'Dark' }).click()
      if (!javaScriptEnabled) await page.locator('main').getByRole('button', { name: 'Dark' }).click()
      await saved
      await page.goto(`${site.guest.origin}/public`)
      expect(await background(page)).to.equal(DARK)
    })
  }
})

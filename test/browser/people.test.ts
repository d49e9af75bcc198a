import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { signOut } from '../support/browser/menus.ts'
import { eventually } from '../support/eventually.ts'
import { useDatabase } from '../support/database.ts'
import { client, password } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'
import { picture } from '../support/pictures.ts'

describe('profile pages and sessions in the browser', () => {
  const database = useDatabase()
  const contexts: BrowserContext[] = []
  let instances: Instance[]
  let annPage: Page
  let bobPage: Page
  before(async function () {
    this.timeout(60_000)
    instances = await Promise.all([1, 2].map(() => startInstance({ databaseUrl: database.url })))
    const ann = await client(instances[0]!.origin).register('ann')
    const bob = await client(instances[0]!.origin).register('bob')
    await ann.post('/posts', { body: 'Hello from Ann' })
    await bob.post('/users/ann/follow')
    annPage = await signIn('ann', instances[0]!)
    bobPage = await signIn('bob', instances[1]!)
  })
  after(() => Promise.all(contexts.map((context) => context.close())))

  async function signIn(username: string, { origin }: Instance): Promise<Page> {
    const context = await newContext({ viewport: { width: 1100, height: 800 } })
    contexts.push(context)
    const page = await context.newPage()
    await page.goto(`${origin}/login`)
    await fillIn(page, username)
    await page.waitForURL(`${origin}/`)
    return page
  }
  async function fillIn(page: Page, username: string): Promise<void> {
    await page.fill('[name=username]', username)
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
  }
  const upload = async (name: string) => ({
    name,
    mimeType: 'image/png',
    buffer: await picture({ width: 900, height: 600, format: 'png' }),
  })
  const picOf = (page: Page, text: string) =>
    page.locator('article.post', { hasText: text }).locator('.pic').first()
  const loaded = (image: { evaluate(fn: (element: Element) => unknown): Promise<unknown> }) =>
    image.evaluate(
      (element) => (element as HTMLImageElement).complete && (element as HTMLImageElement).naturalWidth,
    )

  it('show a preview of a chosen picture, and the new picture live on other pages', async () => {
    expect(await picOf(bobPage, 'Hello from Ann').evaluate((element) => element.tagName)).to.equal('SPAN')
    await annPage.goto(`${instances[0]!.origin}/settings/profile`)
    await annPage.setInputFiles('[name=avatar]', await upload('me.png'))
    const preview = annPage.locator('[data-preview] img.pic[src^="blob:"]')
    await preview.waitFor()
    await annPage.waitForFunction(
      () => document.querySelector<HTMLImageElement>('[data-preview] img')?.naturalWidth === 400,
    )
    await annPage.click('button:has-text("Save")')
    await annPage.getByText('Profile updated').waitFor()
    const shown = bobPage.locator('article.post', { hasText: 'Hello from Ann' }).locator('img.pic').first()
    await shown.waitFor()
    await bobPage.waitForFunction(() => {
      const image = document.querySelector<HTMLImageElement>('article.post img.pic')
      return image?.complete && image.naturalWidth > 0
    })
    expect(await shown.getAttribute('src')).to.match(/^\/images\/[\da-f]{40}\/50$/)
    await eventually(() => loaded(annPage.locator('.bar-me img.pic')))
  })

  it('show a new name live everywhere on other pages', async () => {
    await annPage.fill('[name=name]', 'Ann the Great')
    await annPage.click('button:has-text("Save")')
    await bobPage.locator('article.post .by', { hasText: 'Ann the Great' }).waitFor()
    await bobPage.locator('.side .name', { hasText: 'Ann the Great' }).waitFor()
  })

  it('show an error beside its field, and keep the chosen file', async () => {
    await annPage.setInputFiles('[name=avatar]', await upload('again.png'))
    await annPage.fill('[name=username]', 'bob')
    await annPage.click('button:has-text("Save")')
    await annPage.getByText('Username already exists').first().waitFor()
    expect(
      await annPage
        .locator('[name=avatar]')
        .evaluate((field) => (field as HTMLInputElement).files?.[0]?.name),
    ).to.equal('again.png')
    expect(await annPage.locator('[name=name]').inputValue()).to.equal('Ann the Great')
    await annPage.setInputFiles('[name=avatar]', {
      name: 'x.png',
      mimeType: 'image/png',
      buffer: Buffer.from('x'),
    })
    await annPage
      .locator('#avatar-error', { hasText: 'This browser cannot read this file. Choose a JPEG' })
      .waitFor()
  })

  it('can change a profile without JavaScript', async () => {
    const context = await newContext({ javaScriptEnabled: false })
    contexts.push(context)
    const page = await context.newPage()
    await page.goto(`${instances[0]!.origin}/login`)
    await fillIn(page, 'bob')
    await page.goto(`${instances[0]!.origin}/settings/profile`)
    await page.setInputFiles('[name=avatar]', await upload('bob.png'))
    await page.fill('[name=name]', 'Bob')
    await page.click('button:has-text("Save")')
    await page.getByText('Profile updated').waitFor()
    await page.locator('.bar-me img.pic').waitFor()
    await page.check('[name=remove_avatar]')
    await page.click('button:has-text("Save")')
    await page.locator('.bar-me span.pic').waitFor()
  })

  it('go to the sign-in page when another browser ends their session, and back after the sign-in', async () => {
    const elsewhere = await signIn('ann', instances[1]!)
    await elsewhere.goto(`${instances[1]!.origin}/public`)
    const home = await contexts.at(-1)!.newPage()
    await home.goto(`${instances[1]!.origin}/`)
    await annPage.goto(`${instances[0]!.origin}/settings/sessions`)
    await annPage.click('button:has-text("Sign out everywhere else")')
    await annPage.getByText('You are signed out everywhere else').waitFor()
    await home.waitForURL(/\/login/, { timeout: 15_000 })
    await elsewhere.waitForURL(/\/login\?next=%2Fpublic/, { timeout: 15_000 })
    for (const page of [home, elsewhere]) await page.getByText('You have been signed out').waitFor()
    // If both tabs load the form at the same moment, only the token of the later one is valid.
    await elsewhere.reload()
    await fillIn(elsewhere, 'ann')
    await elsewhere.waitForURL(`${instances[1]!.origin}/public`)
    await annPage.goto(`${instances[0]!.origin}/`)
    await annPage.locator('.bar-me').waitFor()
  })

  it('show nothing of a person who signed out when the reader goes back', async () => {
    const page = await signIn('ann', instances[0]!)
    await page.locator('article.post', { hasText: 'Hello from Ann' }).waitFor()
    await signOut(page)
    await page.locator('.join').waitFor()
    await page.goto(`${instances[0]!.origin}/login`)
    expect(await page.getByText('You have been signed out').count(), 'after a sign-out').to.equal(0)
    await page.goBack()
    await page.goBack()
    await page.locator('.join').waitFor()
    expect(await page.locator('.bar-me').count()).to.equal(0)
  })

  it('hide a page that the browser restores from its cache if the session has ended', async () => {
    const page = await signIn('ann', instances[0]!)
    const restore = () =>
      page.evaluate(() => {
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
        return document.body.hidden
      })
    expect(await restore(), 'hidden at once').to.equal(true)
    await page.waitForFunction(() => !document.body.hidden)
    await contexts.at(-1)!.clearCookies()
    expect(await restore()).to.equal(true)
    await page.waitForURL(/\/login/)
  })
})

import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { violations } from '../../support/browser/axe.ts'
import { newContext } from '../../support/browser/chromium.ts'
import { fillPages, pageRoutes, samplePath, type Samples } from '../../support/browser/pages.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { useSite } from '../../support/site.ts'

const PHONE = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true } as const

describe('accessibility (axe, WCAG 2.2 AA)', function () {
  this.timeout(60_000)
  const { database, people, guest } = useSite({ people: ['ann', 'bob', 'cleo', 'dora'] })
  const contexts: BrowserContext[] = []
  let samples: Samples
  let ann: Page
  let phone: Page
  let visitor: Page

  before(async () => {
    samples = await fillPages(database, people)
    // Axe would measure the colors of a transition.
    const options = { reducedMotion: 'reduce', colorScheme: 'light' } as const
    for (const extra of [{}, PHONE, {}]) contexts.push(await newContext({ ...options, ...extra }))
    ann = await signIn(contexts[0]!, guest.origin, 'ann')
    phone = await signIn(contexts[1]!, guest.origin, 'ann')
    visitor = await contexts[2]!.newPage()
  })
  after(() => Promise.all(contexts.map((context) => context.close())))

  async function check(page: Page, what: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await violations(page), `${what}, ${colorScheme}`).to.deep.equal([])
    }
  }

  /** Checks the page at `path`; does nothing if it is not HTML. */
  async function checkPath(page: Page, path: string): Promise<void> {
    const response = await page.goto(guest.origin + path)
    if (response?.headers()['content-type']?.startsWith('text/html')) await check(page, path)
  }

  for (const route of pageRoutes()) {
    it(`finds nothing at ${route}`, async () => {
      const path = samplePath(route, samples)
      await checkPath(ann, path)
      await checkPath(phone, path)
      await checkPath(visitor, path)
    })
  }

  it('finds nothing on other states of these pages: older posts, a closed group, one’s own and other groups, errors', async () => {
    const paths = [
      '/groups/closed',
      '/groups/club',
      '/groups/walks',
      '/groups/club/members',
      '/users/bob',
      '/posts/0',
      '/?before=x',
      '/groups?mine=true',
      '/people?q=bo',
      '/people?q=zzz',
    ]
    for (const path of paths) {
      await checkPath(ann, path)
      await checkPath(visitor, path)
    }
  })

  it('finds nothing in a form with an error', async () => {
    for (const [path, fields] of [
      ['/register', { username: 'a', password: 'short' }],
      ['/login', { username: 'nobody', password: 'a wrong password' }],
    ] as const) {
      await visitor.goto(guest.origin + path)
      for (const [name, value] of Object.entries(fields)) await visitor.fill(`[name=${name}]`, value)
      await visitor.press('[name=password]', 'Enter')
      await visitor.locator('[aria-invalid]').first().waitFor()
      await check(visitor, `${path} with an error`)
    }
    for (const [path, field] of [
      ['/groups/new', '[name=name]'],
      ['/settings/profile', '[name=username]'],
    ] as const) {
      await ann.goto(guest.origin + path)
      await ann.fill(field, '?')
      await ann.press(field, 'Enter')
      await ann.locator('[aria-invalid]').first().waitFor()
      await check(ann, `${path} with an error`)
    }
  })

  for (const device of ['a desktop', 'a phone']) {
    it(`finds nothing after live insertions, with pending posts and open menus and forms, on ${device}`, async () => {
      const page = device === 'a phone' ? phone : ann
      await page.goto(`${guest.origin}/`)
      await people.bob.post('/posts', { body: `Live for ${device}` })
      const live = page.locator('.post', { hasText: `Live for ${device}` })
      await live.waitFor()
      await people.cleo.post(`/posts/${samples.own.post}/comments`, { body: `Also for ${device}` })
      await page.locator('.comment', { hasText: `Also for ${device}` }).waitFor()
      await page.evaluate(() => window.scrollTo(0, 600))
      await people.bob.post('/posts', { body: `Pending for ${device}` })
      await page.getByRole('button', { name: '1 new post' }).waitFor()
      await check(page, 'pending posts')
      // The button is above the comments of a post, whatever their links are.
      await page
        .locator('.more a')
        .evaluate((link) => window.scrollBy(0, link.getBoundingClientRect().top - 80))
      await check(page, 'a link that is partly under the button for pending posts')
      await page.getByRole('button', { name: '1 new post' }).click()
      await live.locator('.talk').click()
      await page.locator('.reply textarea').fill('A reply')
      await check(page, 'a reply')
      await page.locator('.meta .dots').first().click()
      await check(page, 'the menu of a post')
      await page.keyboard.press('Escape')
      const dots = page.locator('.comment .dots').first()
      if (await dots.isVisible()) {
        await dots.click()
        await check(page, 'the menu of a comment')
        await page.keyboard.press('Escape')
      }
      await page.locator('.bar-me').click()
      await check(page, 'the account menu')
      await page.keyboard.press('Escape')
    })
  }
})

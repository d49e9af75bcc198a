import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { client, password } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('the home page of a new person', () => {
  const { people, instances } = useSite({ people: ['ann', 'bob'], instances: 2 })
  let context: BrowserContext
  let page: Page
  before(async () => {
    await people.ann.post('/posts', { body: 'An early post of Ann' })
    await people.bob.post('/posts', { body: 'An early post of Bob' })
    await client(instances[0]!.origin).register('newcomer')
    context = await newContext()
    page = await context.newPage()
    await page.goto(`${instances[0]!.origin}/login`)
    await page.fill('[name=username]', 'newcomer')
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(`${instances[0]!.origin}/`)
  })
  after(() => context.close())
  const follow = (name: string) =>
    page.locator('.welcome .person', { hasText: `@${name}` }).getByRole('button', { name: 'Follow' })
  const post = (text: string) => page.locator('article.post', { hasText: text })

  it('shows people to follow, and says what to do', async () => {
    await follow('ann').waitFor()
    await follow('bob').waitFor()
    await page.getByText('Your feed is empty').waitFor()
    expect(await page.locator('article.post').count()).to.equal(0)
  })

  it('fills with the posts of a followed person after one click, without a reload', async () => {
    await page.evaluate(() => Object.assign(window, { notReloaded: true }))
    await follow('ann').click()
    await post('An early post of Ann').waitFor()
    expect(await post('An early post of Bob').count()).to.equal(0)
    await page.getByText('Your feed is empty').waitFor({ state: 'hidden' })
    await follow('bob').click()
    await post('An early post of Bob').waitFor()
    const beside = page.locator('.side').getByRole('link', { name: 'ann', exact: true })
    await beside.waitFor()
    await page.locator('.welcome .person', { hasText: '@ann' }).getByText('Unfollow').waitFor()
    expect(await page.evaluate(() => 'notReloaded' in window)).to.equal(true)
  })

  it('then gets their new posts, live, through another instance', async () => {
    await people.bob.post('/posts', { body: 'A later post of Bob' })
    await post('A later post of Bob').waitFor()
  })

  it('shows beside the posts whom its reader follows in another tab', async () => {
    await client(instances[1]!.origin).register('carl')
    const other = await context.newPage()
    await other.goto(`${instances[0]!.origin}/users/carl`)
    const followers = other.locator('.profile .meta').getByText('follower')
    expect(await followers.textContent()).to.equal('0 followers')
    await other.locator('.profile').getByRole('button', { name: 'Follow' }).click()
    await other.getByText('1 follower', { exact: true }).waitFor()
    expect(await other.locator('.profile').getByRole('button').first().textContent()).to.match(/^Unfollow/)
    await page.locator('.side').getByRole('link', { name: 'carl', exact: true }).waitFor()
    await other.locator('.profile').getByRole('button', { name: 'Unfollow' }).click()
    await other.getByText('0 followers', { exact: true }).waitFor()
    await page
      .locator('.side')
      .getByRole('link', { name: 'carl', exact: true })
      .waitFor({ state: 'detached' })
  })

  it('shows what it showed live after a reload', async () => {
    const texts = () => page.locator('article.post .post-text').allTextContents()
    const live = await texts()
    await page.reload()
    expect(await texts()).to.deep.equal(live)
  })
})

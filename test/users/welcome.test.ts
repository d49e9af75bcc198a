import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { violations } from '../support/browser/axe.ts'
import { newContext } from '../support/browser/chromium.ts'
import { client, password } from '../support/http.ts'
import { picture } from '../support/pictures.ts'
import { useSite } from '../support/site.ts'

const QUESTION = 'Add your name and a picture'

describe('the first sign-in', () => {
  const { instances, guest } = useSite()
  const contexts: BrowserContext[] = []
  after(() => Promise.all(contexts.map((context) => context.close())))

  /** Registers and signs in by the forms, as a new person does. */
  async function join(username: string, javaScriptEnabled = false): Promise<Page> {
    const context = await newContext({ javaScriptEnabled })
    contexts.push(context)
    const page = await context.newPage()
    await page.goto(`${instances[0]!.origin}/register`)
    await page.fill('[name=username]', username)
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.getByText('You have been registered, please login').waitFor()
    expect(await page.locator('[name=username]').inputValue()).to.equal(username)
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.getByText(QUESTION).waitFor()
    return page
  }
  const isAsked = async (page: Page) => {
    await page.goto(`${instances[0]!.origin}/`)
    return (await page.getByText(QUESTION).count()) > 0
  }

  it('leads to a page that asks for name and picture, until they are saved', async () => {
    const page = await join('ann')
    expect(await isAsked(page), 'again, until it is answered').to.equal(true)
    await page.getByLabel('Name', { exact: true }).fill('Ann Lee')
    await page.getByLabel('Picture').setInputFiles({
      name: 'me.png',
      mimeType: 'image/png',
      buffer: await picture({ width: 300, height: 200, format: 'png' }),
    })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.side-me img.pic').waitFor()
    expect(new URL(page.url()).pathname).to.equal('/')
    expect(await page.locator('.side-me .name').textContent()).to.equal('Ann Lee')
    expect(await isAsked(page)).to.equal(false)
  })

  it('shows a preview of the picture, with JavaScript', async () => {
    const page = await join('eve', true)
    expect(await violations(page)).to.deep.equal([])
    await page.getByLabel('Name', { exact: true }).fill('Eve')
    await page.getByLabel('Picture').setInputFiles({
      name: 'me.png',
      mimeType: 'image/png',
      buffer: await picture({ width: 900, height: 600, format: 'png' }),
    })
    await page.locator('.introduce img.pic[src^="blob:"]').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.side-me img.pic').waitFor()
    await page.locator('.introduce').waitFor({ state: 'detached' })
    expect((await guest.get('/users/eve')).json.user.name).to.equal('Eve')
  })

  it('lets a new person skip the question', async () => {
    const page = await join('bob')
    await page.getByRole('button', { name: 'Skip' }).click()
    await page.locator('.composer').waitFor()
    expect(await isAsked(page)).to.equal(false)
    expect((await guest.get('/users/bob')).json.user.name).to.equal('bob')
  })

  it('shows an invalid picture beside its field, and asks again only for that', async () => {
    const page = await join('carl')
    await page.getByLabel('Name', { exact: true }).fill('Carl')
    await page.getByLabel('Picture').setInputFiles({
      name: 'me.png',
      mimeType: 'image/png',
      buffer: Buffer.from('not a picture'),
    })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('#avatar-error').waitFor()
    expect(await page.locator('[name=name]').inputValue()).to.equal('Carl')
  })

  it('asks neither at a later sign-in, nor programs', async () => {
    const dora = await client(guest.origin).register('dora')
    expect((await dora.get('/')).json).not.to.have.property('welcome')
    const later = client(guest.origin)
    await later.post('/login', { username: 'dora', password }, { type: 'form' })
    expect((await later.get('/', { accept: 'text/html' })).text)
      .to.contain('composer')
      .and.not.contain(QUESTION)
  })
})

import { createServer } from 'node:http'
import { expect } from 'chai'
import type { BrowserContext, Page, Response } from 'playwright-core'
import { violations } from '../support/browser/axe.ts'
import { newContext } from '../support/browser/chromium.ts'
import { signIn } from '../support/browser/sign-in.ts'
import { useDatabase } from '../support/database.ts'
import { client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

describe('the offline page', () => {
  const database = useDatabase()
  let instance: Instance
  let context: BrowserContext
  let page: Page
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
    const ann = await client(instance.origin).register('ann')
    await ann.post('/posts', { body: 'A post of Ann' })
    context = await newContext({ serviceWorkers: 'allow' })
    page = await signIn(context, instance.origin, 'ann')
    await page.evaluate(() => navigator.serviceWorker.ready)
  })
  after(() => context.close())

  /** Loads the home page and likes a post; returns the requests that the worker answered, and the others. */
  async function visit(): Promise<{ worker: string[]; network: string[] }> {
    const seen = { worker: [] as string[], network: [] as string[] }
    const note = (response: Response) => {
      const kind = `${response.request().method()} ${response.request().resourceType()}`
      seen[response.fromServiceWorker() ? 'worker' : 'network'].push(kind)
    }
    page.on('response', note)
    await page.goto(`${instance.origin}/`)
    const liked = page.waitForResponse((response) => response.url().endsWith('/like'))
    await page.locator('.like-form button').first().click()
    await liked
    await page.goto(`${instance.origin}/settings/profile`)
    await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Save' }).click()])
    page.off('response', note)
    return seen
  }

  it('is all that the worker keeps, and only navigations pass through the worker', async () => {
    const { worker, network } = await visit()
    expect(new Set(worker)).to.deep.equal(new Set(['GET document']))
    expect(network).to.include.members(['POST fetch', 'POST document', 'GET stylesheet'])
    const kept = await page.evaluate(async () => {
      const caches = await Promise.all((await window.caches.keys()).map((name) => window.caches.open(name)))
      const requests = (await Promise.all(caches.map((cache) => cache.keys()))).flat()
      return requests.map(({ url }) => new URL(url).pathname)
    })
    expect(kept).to.deep.equal(['/offline'])
  })

  it('appears at the address of a page that cannot be loaded, and leads to it once the site is back', async () => {
    const { origin } = instance
    await instance.kill()
    const target = `${origin}/people?q=ann`
    const response = await page.goto(target)
    expect(response?.status()).to.equal(503)
    await page.getByRole('heading', { name: 'KoaFeed cannot be reached' }).waitFor()
    expect(page.url()).to.equal(target)
    const background = await page.locator('.sheet').evaluate((sheet) => getComputedStyle(sheet).borderRadius)
    expect(background, 'with the styles of the site').not.to.equal('0px')
    expect(await violations(page)).to.deep.equal([])
    await page.getByRole('link', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'KoaFeed cannot be reached' }).waitFor()
    expect(page.url(), 'after another failure').to.equal(target)
    instance = await startInstance({ databaseUrl: database.url, env: { PORT: new URL(origin).port } })
    await page.getByRole('link', { name: 'Try again' }).click()
    await page.getByText('Names that begin with').waitFor()
    expect(page.url()).to.equal(target)
    expect(await page.locator('.bar-me').count(), 'still signed in').to.equal(1)
  })

  it('appears in place of the error page of a proxy that cannot reach the site', async () => {
    const { origin } = instance
    await instance.kill()
    const proxy = createServer((_request, response) => response.writeHead(502).end('Bad Gateway'))
    proxy.listen(Number(new URL(origin).port))
    await page.goto(`${origin}/groups`)
    await page.getByRole('heading', { name: 'KoaFeed cannot be reached' }).waitFor()
    proxy.closeAllConnections()
    await new Promise((resolve) => proxy.close(resolve))
    instance = await startInstance({ databaseUrl: database.url, env: { PORT: new URL(origin).port } })
    await page.getByRole('link', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'Groups', exact: true }).waitFor()
  })

  it('does not take the place of a form that could not be sent', async () => {
    await page.goto(`${instance.origin}/settings/profile`)
    const { origin } = instance
    await instance.kill()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/^chrome-error:/)
    instance = await startInstance({ databaseUrl: database.url, env: { PORT: new URL(origin).port } })
  })
})

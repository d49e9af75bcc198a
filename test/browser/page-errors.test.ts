import { expect } from 'chai'
import { newContext } from '../support/browser/chromium.ts'
import { takePageErrors } from '../support/browser/page-errors.ts'
import { eventually } from '../support/eventually.ts'
import { useSite } from '../support/site.ts'

describe('the watch over the pages of all browser tests', () => {
  const { guest } = useSite()

  it('reports errors of scripts, violations of the policy, missing files and requests to other sites', async () => {
    // A service worker would send the request for the page without a policy, where it cannot be answered here.
    const context = await newContext({ serviceWorkers: 'block' })
    const page = await context.newPage()
    await page.goto(`${guest.origin}/login`)
    expect(takePageErrors()).to.deep.equal([])
    await page.evaluate(() => {
      setTimeout(() => {
        throw new Error('an exception')
      })
      document.body.insertAdjacentHTML(
        'beforeend',
        '<p style="color: red">inline</p><img src="/images/none/50">',
      )
      console.error('a console error')
    })
    await reported('an exception', 'violates', 'missing file', 'a console error')
    // The policy refuses such a request, so only a page without a policy sends it.
    await page.route('**/other', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<img src="http://other.example/x.png">' }),
    )
    await page.goto(`${guest.origin}/other`)
    await reported('request to another site: http://other.example/x.png')
    await context.close()
    takePageErrors()
  })

  /** Waits until an error with each of these texts has been reported. */
  async function reported(...texts: string[]): Promise<void> {
    const errors: string[] = []
    await eventually(
      () => errors.push(...takePageErrors()),
      () => texts.every((text) => errors.some((error) => error.includes(text))),
    )
  }
})

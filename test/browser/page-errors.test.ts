import { expect } from 'chai'
import { newContext } from '../support/browser/chromium.ts'
import { takePageErrors } from '../support/browser/page-errors.ts'
import { eventually } from '../support/eventually.ts'
import { useSite } from '../support/site.ts'

describe('the watch over the pages of all browser tests', () => {
  const { guest } = useSite()

  it('reports errors of scripts, violations of the policy, missing files and requests to other sites', async () => {
    const context = await newContext()
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
    // The policy refuses it, so only a page without a policy sends it.
    await page.route('**/other', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<img src="http://other.example/x.png">' }),
    )
    await page.goto(`${guest.origin}/other`)
    const errors: string[] = []
    await eventually(
      async () => errors.push(...takePageErrors()),
      () =>
        [
          'an exception',
          'violates',
          'missing file',
          'a console error',
          'request to another site: http://other.example/x.png',
        ].every((text) => errors.some((error) => error.includes(text))),
    )
    await context.close()
    takePageErrors()
  })
})

import { expect } from 'chai'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { client, password } from '../../support/http.ts'
import { useSite } from '../../support/site.ts'

interface Wrong {
  typed: Record<string, string>
  errors: Record<string, RegExp>
}

const REPORT: Wrong = { typed: { reason: ' ' }, errors: { reason: /Please/ } }

/** A wrong input for each form with fields: what is entered, and the message beside each field, in their order. */
const WRONG: Record<string, Wrong> = {
  '/posts/:id/report': REPORT,
  '/comments/:id/report': REPORT,
  '/users/:name/report': REPORT,
  '/register': {
    typed: { username: 'a b', password: 'short' },
    errors: { username: /3 to 15 letters/, password: /at least 8 characters/ },
  },
  '/login': { typed: { username: 'ann', password: 'a wrong one' }, errors: { username: /User not found/ } },
  '/posts': { typed: { body: ' ' }, errors: { body: /Please write something/ } },
  '/posts/:id/comments': { typed: { body: 'x'.repeat(2001) }, errors: { body: /at most 2,000/ } },
  '/posts/:id/edit': { typed: { body: 'x'.repeat(5001) }, errors: { body: /at most 5,000/ } },
  '/comments/:id/edit': { typed: { body: ' ' }, errors: { body: /Please write something/ } },
  '/groups': {
    typed: { title: ' ', name: 'ann', description: 'd'.repeat(1001) },
    errors: { title: /give the group a title/, description: /at most 1,000/ },
  },
  '/settings/profile': {
    typed: { avatar: 'not a picture', name: 'n'.repeat(51), username: 'a b', bio: 'b'.repeat(501) },
    errors: { name: /at most 50/, username: /3 to 15 letters/, bio: /at most 500/ },
  },
  '/settings/password': {
    typed: { old_password: 'a wrong one', password: 'short' },
    errors: { password: /at least 8 characters/ },
  },
  '/admin/invitations': {
    typed: { uses: '0', days: 'x', note: 'n'.repeat(101) },
    errors: { uses: /1 to 1,000/, days: /1 to 90/, note: /too long/ },
  },
  '/admin/names': { typed: { name: 'a b' }, errors: { name: /3 to 15 letters/ } },
  '/admin/people/:name/suspend': { typed: { reason: 'r'.repeat(501) }, errors: { reason: /too long/ } },
  '/admin/token': { typed: { token: ' ' }, errors: { token: /Please enter the token/ } },
  '/settings/account': { typed: { password: 'a wrong one' }, errors: { password: /not your password/ } },
}

describe('without JavaScript', () => {
  const {
    database,
    people: { ann, bob, cleo },
    guest,
  } = useSite({ people: ['ann', 'bob', 'cleo', 'dora'] })
  let context: BrowserContext
  let page: Page

  before(async () => {
    await ann.post('/groups', { name: 'birds', title: 'Birds', visibility: 'private' })
    await bob.post('/groups/birds/join')
    await ann.post('/groups/birds/requests/bob/accept')
    await cleo.post('/groups/birds/join')
    await cleo.post('/groups', { name: 'walks', title: 'Walks', visibility: 'public' })
    const { post } = (await ann.post('/posts', { body: 'Hello' })).json
    await bob.post(`/posts/${post.id}/comments`, { body: 'Hello too' })
    await ann.post(`/posts/${post.id}/comments`, { body: 'And a comment of my own' })
    const reported = (await bob.post('/posts', { body: 'A post of Bob' })).json.post
    await cleo.post(`/posts/${reported.id}/report`, { reason: 'Not nice' })
    await ann.post('/users/bob/follow')
    await database.query(`update users set admin = true where username in ('ann', 'cleo')`)
    const admin = client(guest.origin)
    await admin.login('ann')
    await admin.post('/admin/people/dora/suspend')
    await admin.post('/admin/names', { name: 'taken' })
    await admin.post('/admin/invitations')
  })

  beforeEach(async () => {
    context = await newContext({ javaScriptEnabled: false })
    page = await context.newPage()
  })
  afterEach(() => context.close())

  it('every form shows what is wrong beside its fields, focuses the first one and keeps what was typed', async function () {
    this.timeout(120_000)
    const forms = [...(await findForms(page)), ...(await signIn(), await findForms(page))]
    const withFields = new Map(forms.filter(({ fields }) => fields > 0).map((form) => [form.pattern, form]))
    expect([...withFields.keys()].sort(), 'all forms with fields').to.deep.equal(Object.keys(WRONG).sort())
    await context.clearCookies()
    for (const pattern of ['/register', '/login']) await checkWrong(withFields.get(pattern)!)
    await signIn()
    for (const [pattern, form] of withFields) {
      if (!/^\/(register|login)$/.test(pattern)) await checkWrong(form)
    }
    await checkWrong(withFields.get('/settings/profile')!, {
      typed: { avatar: 'not a picture', name: 'Ann', bio: 'About me' },
      errors: { avatar: /JPEG, PNG, WebP or GIF/ },
    })
  })

  it('every button works, and a forged request gets a page that says so', async function () {
    this.timeout(120_000)
    await signIn()
    const buttons = (await findForms(page)).filter(({ fields }) => fields === 0)
    expect(buttons.map(({ pattern }) => pattern)).to.include.members([
      '/logout',
      '/users/:name/follow',
      '/users/:name/unfollow',
      '/posts/:id/like',
      '/posts/:id/delete',
      '/comments/:id/like',
      '/comments/:id/delete',
      '/groups/:name/join',
      '/groups/:name/leave',
      '/groups/:name/requests/:name/accept',
      '/groups/:name/requests/:name/refuse',
      '/groups/:name/members/:name/remove',
      '/groups/:name/members/:name/owner',
      '/settings/sessions/:id/end',
      '/settings/sessions/end',
      '/admin/sign-up',
      '/admin/invitations/:id/revoke',
      '/admin/names/:name/release',
      '/admin/people/:name/unsuspend',
      '/admin/reports/:id/remove',
      '/admin/reports/:id/dismiss',
      '/admin/resign',
    ])
    for (const { action, path } of buttons) {
      const { status, text } = await send(path, action, { forged: true })
      expect(status, action).to.equal(403)
      expect(text).to.contain('Invalid POST contents')
    }
    // Forms that end something come last: for example, an accepted request cannot be declined.
    const last = [
      '/posts/:id/delete',
      '/groups/:name/members/:name/remove',
      '/admin/reports/:id/remove',
      '/admin/resign',
      '/logout',
    ]
    const order = buttons.toSorted((a, b) => last.indexOf(a.pattern) - last.indexOf(b.pattern))
    for (const { action, path, pattern } of order) {
      if (/refuse|leave|owner|unfollow|dismiss/.test(pattern)) continue
      const { status } = await send(path, action)
      expect(status, action).to.equal(200)
    }
  })

  async function signIn(): Promise<void> {
    await page.goto(`${guest.origin}/login`)
    await page.fill('[name=username]', 'ann')
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(`${guest.origin}/`)
  }

  interface Form {
    pattern: string
    action: string
    /** The page that has the form. */
    path: string
    /** The number of fields that a person fills in. */
    fields: number
  }

  /** Follows all links of the site, and returns one form of each kind. */
  async function findForms(on: Page): Promise<Form[]> {
    const found = new Map<string, Form>()
    const seen = new Set<string>()
    const starts = [
      '/',
      '/login',
      '/users/ann',
      '/admin/token',
      '/admin/people/ann',
      '/admin/people/bob',
      '/admin/people/dora',
      '/users/bob',
      '/users/cleo',
      '/groups/birds',
      '/groups/walks',
    ]
    const paths = [...starts]
    for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
      const kind = starts.includes(path) ? path : patternOf(path)
      if (seen.has(kind)) continue
      seen.add(kind)
      await on.goto(guest.origin + path)
      const { links, forms } = await on.evaluate(() => ({
        links: [...document.querySelectorAll('a')].map(({ href }) => href),
        forms: [...document.querySelectorAll('form')]
          .filter(({ method }) => method === 'post')
          .map((form) => ({
            action: form.getAttribute('action') ?? '',
            fields: form.querySelectorAll('textarea, input:not([type=hidden], [type=radio]), select').length,
          })),
      }))
      for (const form of forms) {
        const kind = patternOf(form.action)
        if (!found.has(kind)) found.set(kind, { ...form, pattern: kind, path })
      }
      for (const link of links) {
        const { origin, pathname } = new URL(link)
        if (origin === guest.origin) paths.push(pathname)
      }
    }
    return [...found.values()]
  }

  async function checkWrong({ pattern, action, path }: Form, wrong = WRONG[pattern]!): Promise<void> {
    const { typed, errors } = wrong
    await page.goto(guest.origin + path)
    const form = page.locator(`form[action="${action}"]`).first()
    for (const [name, value] of Object.entries(typed)) {
      const field = form.locator(`[name="${name}"]`)
      if (name === 'avatar')
        await field.setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from(value) })
      else await field.fill(value)
    }
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.request().method() === 'POST'),
      form.locator('.form-foot button').first().click(),
    ])
    await page.waitForLoadState()
    expect(response.status(), pattern).to.be.oneOf([415, 422])
    for (const [name, message] of Object.entries(errors)) {
      const field = page.locator(`main [name="${name}"]`)
      expect(await field.getAttribute('aria-invalid'), `${pattern} ${name}`).to.equal('true')
      const line = page.locator(`#${await field.getAttribute('aria-describedby')}`)
      expect(await line.textContent(), `${pattern} ${name}`).to.match(message)
      expect(await line.isVisible(), `${pattern} ${name}`).to.equal(true)
    }
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('name'))
    expect(focused, `${pattern}: the focused field`).to.equal(Object.keys(errors)[0])
    for (const [name, value] of Object.entries(typed)) {
      if (name === 'avatar') continue
      const kept = await page.inputValue(`main [name="${name}"]`)
      expect(kept, `${pattern} ${name}`).to.equal(/password|token/.test(name) ? '' : value)
    }
  }

  /** Clicks the button of a form; with `forged`, after its token has been changed. */
  async function send(path: string, action: string, { forged = false } = {}) {
    await page.goto(guest.origin + path)
    const form = page.locator(`form[action="${action}"]`).first()
    if (forged)
      await form.locator('[name=csrf_token]').evaluate((field) => ((field as HTMLInputElement).value = 'x'))
    const button = form.locator('button').first()
    if (!(await button.isVisible())) await openMenuOf(form)
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.status() !== 303 && answer.request().isNavigationRequest()),
      button.click(),
    ])
    return { status: response.status(), text: await response.text() }
  }

  async function openMenuOf(form: Locator): Promise<void> {
    const menu = await form.evaluate((element) => element.closest('[popover]')?.id)
    await page.locator(`[popovertarget="${menu}"]`).click()
  }
})

/** `/posts/:id/comments` for `/posts/12/comments`. */
function patternOf(path: string): string {
  return path
    .replace(/\/\d+/g, '/:id')

    .replace(/^\/admin\/(people|names)\/\w+/, '/admin/$1/:name')
    .replace(/^\/(users|groups)\/(?!new$)\w+/, '/$1/:name')
    .replace(/\/(members|requests)\/\w+/, '/$1/:name')
}

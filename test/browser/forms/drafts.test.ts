import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { choose, signOut } from '../../support/browser/menus.ts'
import { openAs, useSession } from '../../support/browser/open-as.ts'
import { client, password, type Client } from '../../support/http.ts'
import { useSite } from '../../support/site.ts'

describe('a draft', () => {
  const { database, guest } = useSite({ people: ['ann', 'bob'] })
  let ann: Client
  let context: BrowserContext
  let page: Page
  let post: string

  beforeEach(async () => {
    ann = await newSession('ann')
    post = (await ann.post('/posts', { body: 'A post to talk about' })).json.post.id
    await ann.post(`/posts/${post}/comments`, { body: 'A comment to change' })
    page = await openAs(ann)
    context = page.context()
  })
  afterEach(() => context.close())

  async function newSession(username: string): Promise<Client> {
    const person = client(guest.origin)
    await person.login(username)
    return person
  }
  const article = () => page.locator(`#post-${post}`)
  const composer = () => page.locator('.composer textarea')
  const reply = () => article().locator('.reply textarea')

  /** Writes a post, a comment and two edits, and sends none of them. */
  async function writeDrafts(): Promise<void> {
    await composer().fill('A post, not yet sent')
    await article().locator('[data-do="reply"]').click()
    await reply().fill('A comment, not yet sent')
    await choose(article(), 'Edit')
    await article().locator('.post-main > .editor textarea').fill('A changed post')
    await article().locator('.comment').hover()
    await article().locator('.comment').getByRole('link', { name: 'Edit' }).click()
    await article().locator('.comment .editor textarea').fill('A changed comment')
  }
  async function expectDrafts(): Promise<void> {
    await article().locator('.comment .editor').waitFor()
    expect(await composer().inputValue()).to.equal('A post, not yet sent')
    expect(await reply().inputValue()).to.equal('A comment, not yet sent')
    const edits = await article()
      .locator('.editor textarea')
      .evaluateAll((fields) => fields.map((field) => (field as HTMLTextAreaElement).value))
    expect(edits).to.deep.equal(['A changed post', 'A changed comment'])
  }
  async function signIn(username: string): Promise<void> {
    await page.fill('[name=username]', username)
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.locator('.bar-me').waitFor()
  }
  const draftCount = () =>
    page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('koafeed:draft')).length)

  it('of a post, a comment or an edit is shown again after a reload, in its open form', async () => {
    await writeDrafts()
    await page.reload()
    await expectDrafts()
    await page.goto(`${ann.origin}/posts/${post}`)
    await page.locator('.comment .editor').waitFor()
    expect(await page.inputValue('#reply textarea')).to.equal('A comment, not yet sent')
  })

  it('of an edit says after the reload that the post has changed meanwhile', async () => {
    await writeDrafts()
    await page.goto('about:blank')
    await ann.post(`/posts/${post}/edit`, { body: 'Changed elsewhere' })
    await page.goto(ann.origin)
    await page.locator('.post-main > .editor', { hasText: 'has changed meanwhile' }).waitFor()
    expect(await page.inputValue('.post-main > .editor textarea')).to.equal('A changed post')
  })

  it('is deleted when it is sent', async () => {
    await writeDrafts()
    await composer().press('Control+Enter')
    await page.locator('.post', { hasText: 'A post, not yet sent' }).waitFor()
    await reply().press('Control+Enter')
    await article().locator('.reply').waitFor({ state: 'detached' })
    for (const editor of ['.post-main > .editor', '.comment > .editor']) {
      await article().locator(`${editor} textarea`).press('Control+Enter')
      await article().locator(editor).waitFor({ state: 'detached' })
    }
    expect(await draftCount()).to.equal(0)
  })

  it('survives the end of the session, and is shown after the same person has signed in again', async () => {
    await writeDrafts()
    await database.query('delete from sessions')
    await page.waitForURL(/\/login/)
    await signIn('ann')
    await page.goto(ann.origin)
    await expectDrafts()
  })

  it('is never shown to another person at the same browser', async () => {
    await writeDrafts()
    await useSession(context, await newSession('bob'))
    await page.goto(`${ann.origin}/posts/${post}`)
    expect(await page.inputValue('#reply textarea')).to.equal('')
    await page.goto(ann.origin)
    expect(await composer().inputValue()).to.equal('')
    await composer().fill('A draft of Bob')
    await signOut(page)
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await page.locator('.bar [href^="/login"]').waitFor()
    expect(await draftCount(), 'Bob’s draft is deleted, Ann’s are not').to.equal(4)
    await useSession(context, await newSession('ann'))
    await page.goto(ann.origin)
    await expectDrafts()
  })

  it('is deleted by a sign-out only after a question that shows it', async () => {
    await composer().fill('Nearly lost')
    await signOut(page)
    await page.getByRole('dialog').getByText('Your draft “Nearly lost” will be lost.').waitFor()
    await page.getByRole('button', { name: 'Stay signed in' }).click()
    expect(await composer().inputValue()).to.equal('Nearly lost')
    await page.reload()
    expect(await composer().inputValue()).to.equal('Nearly lost')
    await signOut(page)
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await page.locator('.bar [href^="/login"]').waitFor()
    expect(await draftCount()).to.equal(0)
  })

  it('is not asked about if there is none', async () => {
    await composer().fill('Written')
    await composer().fill('')
    await signOut(page)
    await page.locator('.bar [href^="/login"]').waitFor()
  })

  it('is deleted after 60 days', async () => {
    await writeDrafts()
    await page.evaluate(() => {
      const day = 24 * 60 * 60 * 1000
      for (const [name, text] of Object.entries(localStorage)) {
        const age = name.endsWith('/posts') ? 59 * day : 61 * day
        localStorage.setItem(name, JSON.stringify({ ...JSON.parse(String(text)), at: Date.now() - age }))
      }
    })
    await page.reload()
    await page.waitForFunction(() => Object.keys(localStorage).length === 1)
    expect(await composer().inputValue()).to.equal('A post, not yet sent')
  })

  it('that the server refuses because the session has ended stays in the form, with a way to sign in', async () => {
    await composer().fill('Written after the end')
    const error = { code: 'unauthorized', message: 'Please sign in first.', fields: {} }
    await page.route('**/posts', (route) => route.fulfill({ status: 401, json: { error } }))
    await composer().press('Control+Enter')
    const line = page.locator('.composer .field-error', { hasText: 'Please sign in first.' })
    expect(await line.getByRole('link', { name: 'Sign in' }).getAttribute('href')).to.equal('/login?next=%2F')
    expect(await composer().inputValue()).to.equal('Written after the end')
    await page.reload()
    expect(await composer().inputValue()).to.equal('Written after the end')
  })
})

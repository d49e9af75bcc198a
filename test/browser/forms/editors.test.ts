import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { choose } from '../../support/browser/menus.ts'
import { openAs } from '../../support/browser/open-as.ts'
import { useSite } from '../../support/site.ts'

describe('an open editor', () => {
  const {
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let page: Page
  afterEach(() => page.context().close())

  async function write(body: string): Promise<string> {
    return (await ann.post('/posts', { body })).json.post.id
  }
  async function open(path: string): Promise<void> {
    page = await openAs(ann, path, { viewport: { width: 1000, height: 800 } })
  }
  const editor = () => page.locator('.editor textarea')
  async function edit(id: string): Promise<void> {
    await choose(page.locator(`#post-${id}`), 'Edit')
    await page.locator('.editor textarea:focus').waitFor()
  }

  it('closes at Escape and at Cancel if nothing has changed, and else asks first', async () => {
    const id = await write('Some words')
    await open('/')
    await edit(id)
    await page.keyboard.press('Escape')
    await editor().waitFor({ state: 'detached' })
    for (const leave of [() => page.keyboard.press('Escape'), () => page.click('.editor a:text("Cancel")')]) {
      await edit(id)
      await page.keyboard.type(' and more')
      await leave()
      await page.getByText('Discard your changes?').waitFor()
      await page.getByRole('button', { name: 'Keep writing' }).click()
      await page.locator('.editor textarea:focus').waitFor()
      expect(await editor().inputValue()).to.equal('Some words and more')
      await leave()
      await page.getByRole('button', { name: 'Discard' }).click()
      await editor().waitFor({ state: 'detached' })
    }
    await edit(id)
    expect(await editor().inputValue()).to.equal('Some words')
  })

  it('has the whole text, although the page shows a part of it', async () => {
    const text = `www.example.org\n\n\n\n\nhttps://a.example/${'x'.repeat(80)}  \n\n`
    const id = await write(text)
    await open('/')
    expect(await page.locator(`#post-${id} .post-text`).innerText()).not.to.contain('x'.repeat(40))
    await edit(id)
    expect(await editor().inputValue()).to.equal(text)
  })

  it('stays where it is on the page of the post when comments arrive', async () => {
    const id = await write('A post with an editor')
    for (let n = 1; n <= 8; n++) await bob.post(`/posts/${id}/comments`, { body: `Comment ${n}` })
    await open(`/posts/${id}`)
    await edit(id)
    await page.keyboard.type(', half written')
    const top = () => editor().evaluate((element) => element.getBoundingClientRect().top)
    const before = await top()
    for (let n = 9; n <= 11; n++) {
      await bob.post(`/posts/${id}/comments`, { body: `Comment ${n}` })
      await page.locator('.comment', { hasText: `Comment ${n}` }).waitFor()
    }
    await bob.post(`/posts/${id}/like`)
    await page.locator('.likes', { hasText: 'bob' }).waitFor()
    expect(await top()).to.be.closeTo(before, 1)
    await page.keyboard.type(' text')
    expect(await editor().inputValue()).to.equal('A post with an editor, half written text')
  })

  it('of a comment stays in it when more comments arrive', async () => {
    const id = await write('A post')
    for (let n = 1; n <= 3; n++) await ann.post(`/posts/${id}/comments`, { body: `Comment ${n}` })
    await open('/')
    const second = page.locator(`#post-${id} .comment`).nth(1)
    await second.hover()
    await second.getByRole('link', { name: 'Edit' }).click()
    await page.locator('.editor textarea:focus').waitFor()
    await page.keyboard.type('!')
    for (let n = 4; n <= 8; n++) await bob.post(`/posts/${id}/comments`, { body: `Comment ${n}` })
    await page.locator('.comment', { hasText: 'Comment 8' }).waitFor()
    expect(await page.locator('.comment:has(.editor) .comment-text').textContent()).to.equal('Comment 2')
    await page.keyboard.press('Control+Enter')
    await page.locator('.editor').waitFor({ state: 'detached' })
    expect((await ann.get(`/posts/${id}`)).json.comments[1].body).to.equal('Comment 2!')
  })

  it('keeps its text when the post changes elsewhere, says so, and shows the other text', async () => {
    const id = await write('The first text')
    await open('/')
    await edit(id)
    await page.keyboard.type(', better')
    expect(await page.locator(`#post-${id} .post-text`).isVisible()).to.equal(false)
    await ann.post(`/posts/${id}/edit`, { body: 'The text of another tab' })
    await page.getByText('has changed meanwhile').waitFor()
    expect(await editor().inputValue()).to.equal('The first text, better')
    expect(await page.locator(`#post-${id} .post-text`).isVisible()).to.equal(true)
    expect(await page.locator(`#post-${id} .post-text`).textContent()).to.equal('The text of another tab')
  })

  it('stays after an error, with its text, the reason beside it and Retry', async () => {
    const id = await write('Hard to change')
    await open('/')
    await edit(id)
    await page.keyboard.type(' indeed')
    await page.route('**/edit', (route) =>
      route.fulfill({
        status: 429,
        json: { error: { message: 'You did this too often. Try again in 47 seconds.', fields: {} } },
      }),
    )
    await page.keyboard.press('Control+Enter')
    const line = page.locator('.editor .field-error[role=alert]', { hasText: 'Try again in 47 seconds.' })
    await line.waitFor()
    expect(await editor().getAttribute('aria-describedby')).to.equal(await line.getAttribute('id'))
    expect(await editor().inputValue()).to.equal('Hard to change indeed')
    await page.unrouteAll()
    await page.locator('.editor').getByRole('button', { name: 'Retry' }).click()
    await page.locator(`#post-${id} .post-text`, { hasText: 'Hard to change indeed' }).waitFor()
    expect((await bob.get(`/posts/${id}`)).json.post.body).to.equal('Hard to change indeed')
  })

  it('keeps its text when the post is deleted meanwhile, in a feed and on the page of the post', async () => {
    for (const onPage of [false, true]) {
      const id = (await bob.post('/posts', { body: 'Soon deleted' })).json.post.id
      await ann.post('/users/bob/follow')
      await open(onPage ? `/posts/${id}` : '/')
      await page.locator(`#post-${id} [data-do="reply"]`).click()
      await page.locator('.reply textarea:focus').waitFor()
      await page.keyboard.type('A long answer')
      await bob.post(`/posts/${id}/delete`)
      await page.getByText('This post was deleted').waitFor()
      expect(await page.inputValue('.reply textarea')).to.equal('A long answer')
      expect(await page.locator('.post-text', { hasText: 'Soon deleted' }).count()).to.equal(0)
      expect(await page.locator('.gone button:visible').count()).to.equal(0)
      await page.context().close()
    }
    await open('/')
  })

  it('of a comment that is being written asks before Escape discards it, and closes at once without text', async () => {
    const id = await write('To be commented')
    await open('/')
    const comment = () => page.locator(`#post-${id} [data-do="reply"]`).click()
    await comment()
    await page.locator('.reply textarea:focus').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.reply').waitFor({ state: 'detached' })
    await comment()
    await page.locator('.reply textarea:focus').waitFor()
    await page.keyboard.type('Not for everybody')
    await page.keyboard.press('Escape')
    await page.getByText('Discard your comment?').waitFor()
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.locator('.reply').waitFor({ state: 'detached' })
    await page.reload()
    expect(await page.locator('.reply').count()).to.equal(0)
  })

  it('is sent with Ctrl+Enter, and so is every other form with a long text', async () => {
    await open('/settings/profile')
    await page.fill('[name=bio]', 'A life in one line')
    await page.press('[name=bio]', 'Control+Enter')
    await page.getByText('Profile updated').waitFor()
    const id = await write('To be edited on its own page')
    await page.goto(`${ann.origin}/posts/${id}/edit`)
    await page.fill('.editor textarea', 'Edited on its own page')
    await page.press('.editor textarea', 'Control+Enter')
    await page.locator('.post-text', { hasText: 'Edited on its own page' }).waitFor()
    await page.fill('#reply textarea', 'A comment by keyboard')
    await page.press('#reply textarea', 'Control+Enter')
    await page.locator('.comment', { hasText: 'A comment by keyboard' }).waitFor()
  })
})

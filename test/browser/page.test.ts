import { expect } from 'chai'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { choose, signOut } from '../support/browser/menus.ts'
import { withoutSharedWorkers } from '../support/browser/tabs.ts'
import { useSite } from '../support/site.ts'
import { client, password, type Client } from '../support/http.ts'

describe('the page', () => {
  const {
    people: { ann, bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  let page: Page

  before(async function () {
    this.timeout(60_000)
    await Promise.all([ann.login('ann'), bob.login('bob')])
    await ann.post('/users/bob/follow')
    for (let n = 1; n <= 9; n++) await write(bob, `Post ${n}\n`.repeat(6))
  })

  beforeEach(async () => {
    page = await open({ viewport: { width: 900, height: 700 } })
  })
  afterEach(() => context.close())

  /** Signs Ann in and opens her home page. */
  async function open(options: BrowserContextOptions): Promise<Page> {
    context = await newContext(options)
    if (options.javaScriptEnabled !== false) await withoutSharedWorkers(context)
    const opened = await context.newPage()
    await opened.goto(`${guest.origin}/login`)
    await opened.fill('[name=username]', 'ann')
    await opened.fill('[name=password]', password)
    await opened.press('[name=password]', 'Enter')
    await opened.waitForURL(`${guest.origin}/`)
    return opened
  }

  async function write(person: Client, body: string): Promise<string> {
    const { json } = await person.post('/posts', { body })
    return (json as { post: { id: string } }).post.id
  }

  const postWith = (text: string) => page.locator('article.post', { hasText: text }).first()
  const tops = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('.post')].map((post) => [
        post.id,
        Math.round(post.getBoundingClientRect().top),
      ]),
    )

  it('does not move the visible posts when a post above them changes', async () => {
    const first = (await tops())[0]![0]
    await page.evaluate(() => window.scrollTo(0, 900))
    const before = new Map((await tops()) as [string, number][])
    await bob.post(`/posts/${String(first).slice(5)}/comments`, { body: 'a\nlong\ncomment\nabove' })
    await page.locator('.comment', { hasText: 'above' }).first().waitFor({ state: 'attached' })
    await write(bob, 'A pending post')
    await page.getByRole('button', { name: '1 new post' }).waitFor()
    const after = new Map((await tops()) as [string, number][])
    const visible = [...before].filter(([, top]) => top > 50 && top < 700)
    expect(visible).not.to.have.length(0)
    for (const [id, top] of visible) expect(after.get(id), id).to.be.closeTo(top, 1)
    expect(after.get(String(first))).to.be.below(before.get(String(first))!)
    await page.getByRole('button', { name: '1 new post' }).click()
    await postWith('A pending post').waitFor()
    expect(await page.evaluate(() => window.scrollY)).to.equal(0)
  })

  it('keeps a draft across a reload, and deletes it when it is sent', async () => {
    expect(await page.isVisible('.composer button')).to.equal(false)
    await page.fill('.composer textarea', 'not yet sent')
    expect(await page.isVisible('.composer button')).to.equal(true)
    await page.reload()
    expect(await page.inputValue('.composer textarea')).to.equal('not yet sent')
    await page.press('.composer textarea', 'Control+Enter')
    await postWith('not yet sent').waitFor()
    // The event may come before the response to the request.
    await page.waitForFunction(
      () => document.querySelector<HTMLTextAreaElement>('.composer textarea')?.value === '',
    )
    await page.reload()
    expect(await page.inputValue('.composer textarea')).to.equal('')
  })

  it('keeps the text after a failed request, and a retry creates one post', async () => {
    // The server creates the post, but its response is lost.
    await page.route('**/posts', async (route) => {
      await route.fetch()
      await route.abort()
    })
    await page.fill('.composer textarea', 'sent twice')
    await page.click('.composer button')
    await page.locator('.composer .field-error').waitFor()
    expect(await page.inputValue('.composer textarea')).to.equal('sent twice')
    await page.unroute('**/posts')
    await page.getByRole('button', { name: 'Retry' }).click()
    await postWith('sent twice').waitFor()
    await page.reload()
    expect(await page.locator('.post', { hasText: 'sent twice' }).count()).to.equal(1)
  })

  it('undoes a like that the server refuses, and shows why', async () => {
    const id = await write(bob, 'Hard to like')
    await page.route('**/like', (route) =>
      route.fulfill({ status: 503, json: { error: { message: 'Too busy' } } }),
    )
    const button = page.locator(`#post-${id} .like-form button`)
    await button.click()
    await page.getByText('Too busy').waitFor()
    expect(await button.textContent()).to.equal('Like')
    expect(await page.locator(`#post-${id} .likes`).isVisible()).to.equal(false)
  })

  it('expands comments, and then shows new ones among them', async () => {
    const id = await write(bob, 'Much to say')
    for (let n = 1; n <= 8; n++) await bob.post(`/posts/${id}/comments`, { body: `Number ${n}` })
    await page.reload()
    const comments = page.locator(`#post-${id} .comment`)
    expect(await comments.count()).to.equal(3)
    await page.locator(`#post-${id}`).getByRole('link', { name: '5 more comments' }).click()
    await page.locator(`#post-${id} .comment`, { hasText: 'Number 4' }).waitFor()
    await bob.post(`/posts/${id}/comments`, { body: 'Number 9' })
    await page.locator(`#post-${id} .comment`, { hasText: 'Number 9' }).waitFor()
    const texts = await page.locator(`#post-${id} .comment-text`).allTextContents()
    expect(texts).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `Number ${n}`))
  })

  it('lets the author of a post delete comments below it, also those that arrive live or are expanded', async () => {
    const id = await write(ann, 'My own post')
    for (let n = 1; n <= 6; n++) await bob.post(`/posts/${id}/comments`, { body: `Number ${n}` })
    const comments = page.locator(`#post-${id} .comment`)
    await comments.filter({ hasText: 'Number 6' }).waitFor()
    await page.locator(`#post-${id}`).getByRole('link', { name: '3 more comments' }).click()
    await comments.filter({ hasText: 'Number 3' }).waitFor()
    expect(await comments.getByRole('link', { name: 'Delete' }).count()).to.equal(6)
    expect(await comments.getByRole('link', { name: 'Edit' }).count()).to.equal(0)
    await comments.filter({ hasText: 'Number 3' }).getByRole('link', { name: 'Delete' }).click()
    await page.locator('dialog[open] button', { hasText: 'Delete' }).click()
    await comments.filter({ hasText: 'Number 3' }).waitFor({ state: 'detached' })
    expect(await comments.count()).to.equal(5)
  })

  it('expands comments correctly if some are edited and deleted during the fetch', async () => {
    const id = await write(bob, 'Much to say again')
    const ids: string[] = []
    for (let n = 1; n <= 8; n++) {
      ids.push((await bob.post(`/posts/${id}/comments`, { body: `Number ${n}` })).json.comment.id)
    }
    await page.reload()
    const otherTab = await context.newPage()
    await otherTab.goto(`${guest.origin}/`)
    await page.route('**/comments?*', async (route) => {
      const response = await route.fetch()
      await bob.post(`/comments/${ids[2]}/delete`)
      await bob.post(`/comments/${ids[3]}/edit`, { body: 'Number 4, edited' })
      await bob.post('/posts', { body: 'A marker' })
      await otherTab.getByText('A marker').waitFor()
      await route.fulfill({ response })
    })
    await page.locator(`#post-${id}`).getByRole('link', { name: '5 more comments' }).click()
    await postWith('A marker').waitFor()
    const texts = await page.locator(`#post-${id} .comment-text`).allTextContents()
    const now = ['1', '2', '4, edited', '5', '6', '7', '8']
    expect(texts).to.deep.equal(now.map((n) => `Number ${n}`))
  })

  it('expands comments correctly if a reset arrives during the fetch', async () => {
    await client(guest.origin).register('cleo')
    const id = await write(bob, 'Much to say once more')
    const { comment } = (await bob.post(`/posts/${id}/comments`, { body: 'Number 1' })).json
    for (let n = 2; n <= 8; n++) await bob.post(`/posts/${id}/comments`, { body: `Number ${n}` })
    await page.reload()
    const outdated = await ann.get(`/posts/${id}/comments?limit=100`)
    const [reset, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let late = false
    await page.route(`${guest.origin}/`, async (route) => {
      reset.resolve()
      await released.promise
      await route.continue()
    })
    await page.route('**/comments?*', async (route) => {
      if (late) return route.continue()
      await postWith('A later marker').waitFor()
      await route.fulfill({ json: outdated.json })
    })
    await ann.post('/users/cleo/follow')
    await reset.promise
    await page.locator(`#post-${id}`).getByRole('link', { name: '5 more comments' }).click()
    await bob.post(`/comments/${comment.id}/edit`, { body: 'Number 1, edited' })
    await bob.post('/posts', { body: 'A later marker' })
    late = true
    released.resolve()
    await page.locator(`#post-${id} .comment`, { hasText: 'Number 4' }).waitFor()
    expect(await page.locator(`#post-${id} .comment-text`).first().textContent()).to.equal('Number 1, edited')
  })

  it('shows the new name of a person, also in pending posts', async () => {
    await page.evaluate(() => window.scrollTo(0, 900))
    await write(bob, 'A post before the new name')
    await page.getByRole('button', { name: '1 new post' }).waitFor()
    await bob.post('/settings/profile', { name: 'Robert', username: 'bob', bio: '' })
    await page.locator('.by .name', { hasText: 'Robert' }).first().waitFor()
    await page.getByRole('button', { name: '1 new post' }).click()
    await postWith('before the new name').waitFor()
    const names = () => page.locator('.by .name').allTextContents()
    expect(await names())
      .to.include('Robert')
      .and.not.include('bob')

    // Bob changes his name again while the page has no stream. A reset brings the change.
    const online = () => page.evaluate(() => window.dispatchEvent(new Event('online')))
    await page.route('**/stream?*', (route) => route.abort())
    await online()
    await bob.post('/settings/profile', { name: 'Rupert', username: 'bob', bio: '' })
    await ann.post('/users/cleo/unfollow')
    await page.unroute('**/stream?*')
    await online()
    await page.locator('.by .name', { hasText: 'Rupert' }).first().waitFor()
    await page.evaluate(() => window.scrollTo(0, 900))
    await write(bob, 'A post after the reset')
    await page.getByRole('button', { name: '1 new post' }).click()
    await postWith('after the reset').waitFor()
    expect(await names())
      .to.include('Rupert')
      .and.not.include('Robert')
    await bob.post('/settings/profile', { name: '', username: 'bob', bio: '' })
  })

  it('keeps the text of an open editor, and warns that the post has changed', async () => {
    const id = await write(ann, 'First words')
    const post = page.locator(`#post-${id}`)
    await choose(post, 'Edit')
    await post.locator('.editor textarea').fill('My new words')
    await ann.post(`/posts/${id}/edit`, { body: 'Words from elsewhere' })
    await post.getByText('has changed meanwhile').waitFor()
    expect(await post.locator('.editor textarea').inputValue()).to.equal('My new words')
  })

  it('hides older comments when there are many, but not one that is being edited', async () => {
    const id = await write(bob, 'Soon much to say')
    for (let n = 1; n <= 4; n++) await ann.post(`/posts/${id}/comments`, { body: `Number ${n}` })
    await page.reload()
    const comments = page.locator(`#post-${id} .comment`)
    await comments.nth(1).getByRole('link', { name: 'Edit' }).click()
    await comments.locator('.editor textarea:focus').waitFor()
    await page.keyboard.type(', with better')
    for (let n = 5; n <= 6; n++) await bob.post(`/posts/${id}/comments`, { body: `Number ${n}` })
    await comments.filter({ hasText: 'Number 6' }).waitFor()
    const texts = await comments.locator('.comment-text').allTextContents()
    expect(texts).to.deep.equal([1, 2, 5, 6].map((n) => `Number ${n}`))
    await page.keyboard.type(' words')
    expect(await comments.locator('.editor textarea').inputValue()).to.equal('Number 2, with better words')
  })

  it('reconnects after a refused stream, and shows a banner meanwhile', async function () {
    this.timeout(60_000)
    await page.route('**/stream?*', (route) => route.fulfill({ status: 502, body: 'Bad gateway' }))
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await page.getByText('Reconnecting').waitFor()
    await write(bob, 'Posted meanwhile')
    await page.unroute('**/stream?*')
    await postWith('Posted meanwhile').waitFor()
    await page.locator('#connection').waitFor({ state: 'hidden' })
  })

  it('reopens a stream after 503 with the cursor of the last event', async () => {
    const { seq } = (await ann.get('/')).json
    const id = await write(bob, 'Before the shutdown')
    await postWith('Before the shutdown').waitFor()
    const cursors: number[] = []
    await page.route('**/stream?*', (route) => {
      cursors.push(Number(new URL(route.request().url()).searchParams.get('after')))
      return cursors.length < 5 ? route.fulfill({ status: 503, body: '' }) : route.continue()
    })
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await write(bob, 'During the shutdown')
    await postWith('During the shutdown').waitFor()
    await bob.post(`/posts/${id}/like`)
    await page.locator(`#post-${id} .likes`, { hasText: 'bob' }).waitFor()
    expect(await page.locator('.post', { hasText: 'During the shutdown' }).count()).to.equal(1)
    expect(Math.min(...cursors)).to.be.greaterThan(Number(seq))
  })

  it('goes to the sign-in page after a sign-out in another tab', async () => {
    const other = await context.newPage()
    await other.goto(`${guest.origin}/public`)
    await signOut(other)
    await page.waitForURL(/\/login\?next=/)
  })

  it('works without JavaScript, except for live updates', async () => {
    await context.close()
    page = await open({ javaScriptEnabled: false })
    await page.fill('.composer textarea', 'Without a script')
    await page.click('.composer button')
    await postWith('Without a script').getByRole('button', { name: 'Like' }).click()
    await postWith('Without a script').getByText('You liked this').waitFor()
    await postWith('Without a script').getByRole('link', { name: 'Comment' }).click()
    await page.fill('#reply textarea', ' ')
    await page.click('#reply button')
    await page.locator('.field-error').waitFor()
    await page.fill('.reply textarea', 'A comment without a script')
    await page.click('.reply button')
    await page
      .locator('.comment', { hasText: 'A comment without a script' })
      .getByRole('link', { name: 'Edit' })
      .click()
    await page.fill('.editor textarea', 'Edited without a script')
    await page.click('.editor button')
    await page.locator('.comment', { hasText: 'Edited without a script' }).waitFor()
    await choose(page.locator('.post'), 'Delete')
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('Post deleted').waitFor()
    await page.goto(`${guest.origin}/users/bob`)
    await page.getByRole('button', { name: 'Unfollow' }).click()
    await page.getByText('Unfollowed bob').waitFor()
    await page.getByRole('button', { name: 'Follow' }).click()
    await page.getByText('Followed bob').waitFor()
  })
})

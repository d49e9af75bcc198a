import { expect } from 'chai'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { choose } from '../../support/browser/menus.ts'
import { openAs } from '../../support/browser/open-as.ts'
import { useSite } from '../../support/site.ts'

const TEXT = `Three lines\n\n\n\nand an address: https://a.example/${'x'.repeat(60)}?a=1&b=2`

describe('deleting', () => {
  const {
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  let page: Page
  before(async () => {
    await ann.post('/groups', { name: 'birds', title: 'Birds', visibility: 'private' })
    await bob.post('/groups/birds/join')
    await ann.post('/groups/birds/requests/bob/accept')
    for (let n = 1; n <= 2; n++) await ann.post('/posts', { body: `Another post ${n}` })
  })
  afterEach(() => context.close())

  async function open(path = '/', person = ann): Promise<void> {
    page = await openAs(person, path)
    context = page.context()
  }
  async function write(body: string, person = ann, group?: string): Promise<string> {
    return (await person.post('/posts', { body, ...(group && { group }) })).json.post.id
  }
  const article = (id: string) => page.locator(`#post-${id}`)
  const deletePost = (id: string) => choose(article(id), 'Delete')
  async function deleteComment(comment: Locator): Promise<void> {
    await comment.hover()
    await comment.getByRole('link', { name: 'Delete' }).click()
  }
  const focused = () => page.evaluate(() => document.activeElement?.id ?? '')

  it('a post removes it from the site at once; Undo posts the same text anew', async () => {
    const id = await write(TEXT)
    await open()
    const next = await page.locator(`#post-${id} + .post`).getAttribute('id')
    await deletePost(id)
    await article(id).waitFor({ state: 'detached' })
    expect((await bob.get(`/posts/${id}`)).status, 'while Undo is offered').to.equal(404)
    await page.getByText('Post deleted.').waitFor()
    expect(await focused(), 'the next post has the focus').to.equal(next)
    await page.getByRole('button', { name: 'Undo' }).click()
    const again = page.locator('.post', { hasText: 'Three lines' })
    await again.waitFor()
    const fresh = (await again.getAttribute('data-post'))!
    expect(fresh).not.to.equal(id)
    expect((await bob.get(`/posts/${fresh}`)).json.post.body).to.equal(TEXT)
    await page.waitForFunction((post) => document.activeElement?.id === post, `post-${fresh}`)
  })

  it('a post of a private group and undoing it leaves the post in the group', async () => {
    const id = await write('Only for members', ann, 'birds')
    await open()
    await deletePost(id)
    await page.getByRole('button', { name: 'Undo' }).click()
    const again = page.locator('.post', { hasText: 'Only for members' })
    await again.waitFor()
    const { post } = (await ann.get(`/posts/${await again.getAttribute('data-post')}`)).json
    expect(post.group.name).to.equal('birds')
  })

  it('a post on its own page leads to the new post after Undo', async () => {
    const id = await write('Alone')
    await open(`/posts/${id}`)
    await deletePost(id)
    await page.getByText('This post was deleted.').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.waitForURL((url) => url.pathname !== `/posts/${id}`)
    expect(await page.locator('.post-text').textContent()).to.equal('Alone')
  })

  it('a comment removes it at once; Undo comments anew', async () => {
    const id = await write('With a comment', bob)
    await ann.post(`/posts/${id}/comments`, { body: 'First' })
    const { comment } = (await ann.post(`/posts/${id}/comments`, { body: 'Said too early' })).json
    await open(`/posts/${id}`)
    await deleteComment(page.locator(`#comment-${comment.id}`))
    await page.locator(`#comment-${comment.id}`).waitFor({ state: 'detached' })
    expect((await bob.get(`/posts/${id}`)).json.comments).to.have.length(1)
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.locator('.comment', { hasText: 'Said too early' }).waitFor()
    expect((await bob.get(`/posts/${id}`)).json.comments).to.have.length(2)
  })

  it('asks first if others have commented or liked, and then offers no Undo', async () => {
    const commented = await write('Commented')
    const liked = await write('Liked')
    await bob.post(`/posts/${commented}/comments`, { body: 'A comment of Bob' })
    await bob.post(`/posts/${liked}/like`)
    await open()
    for (const id of [commented, liked]) {
      await deletePost(id)
      await page.getByRole('dialog').getByText('with its comments and likes').waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      expect((await bob.get(`/posts/${id}`)).status).to.equal(200)
      await deletePost(id)
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await article(id).waitFor({ state: 'detached' })
    }
    await page.getByText('Post deleted.').last().waitFor()
    expect(await page.getByRole('button', { name: 'Undo' }).count()).to.equal(0)
  })

  it('does not ask for likes and comments of one’s own', async () => {
    const id = await write('Liked by myself')
    await ann.post(`/posts/${id}/like`)
    await ann.post(`/posts/${id}/comments`, { body: 'My own comment' })
    await open()
    await deletePost(id)
    await article(id).waitFor({ state: 'detached' })
  })

  it('with the keyboard moves the focus to Undo, and Escape moves it on', async () => {
    const id = await write('By keyboard')
    await open()
    const next = await page.locator(`#post-${id} + .post`).getAttribute('id')
    await article(id).locator('.meta .dots').press('Enter')
    await article(id).locator('.menu').getByRole('link', { name: 'Delete' }).press('Enter')
    await page.locator('.undo:focus').waitFor()
    await page.keyboard.press('Escape')
    expect(await focused()).to.equal(next)
    expect(await page.locator('.undo').count()).to.equal(0)
  })

  it('leaves what the server refuses to delete, and keeps Undo until it has succeeded', async () => {
    const id = await write('Hard to delete')
    await open()
    const refuse = () =>
      page.route(/\/(posts|delete)$/, (route) =>
        route.fulfill({ status: 503, json: { error: { message: 'Too busy' } } }),
      )
    await refuse()
    await deletePost(id)
    await page.getByText('Too busy').waitFor()
    expect(await article(id).isVisible()).to.equal(true)
    await page.unrouteAll()
    await deletePost(id)
    await article(id).waitFor({ state: 'detached' })
    await refuse()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Too busy').nth(1).waitFor()
    await page.unrouteAll()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.locator('.post', { hasText: 'Hard to delete' }).waitFor()
  })

  it('the comments of others is possible for the author of the post and owners of its group, also live', async () => {
    const own = await write('My own post')
    const inGroup = await write('A post of Bob', bob, 'birds')
    for (const [id, person] of [
      [own, bob],
      [inGroup, bob],
    ] as const) {
      await person.post(`/posts/${id}/comments`, { body: 'Loaded with the page' })
      for (const path of ['/', `/posts/${id}`]) {
        await open(path)
        await person.post(`/posts/${id}/comments`, { body: `Live on ${path}` })
        const comments = article(id).locator('.comment')
        await comments.filter({ hasText: `Live on ${path}` }).waitFor()
        for (const text of ['Loaded', `Live on ${path}`]) {
          const comment = comments.filter({ hasText: text }).first()
          expect(await comment.getByRole('link', { name: 'Delete' }).count(), text).to.equal(1)
        }
        await comments
          .filter({ hasText: `Live on ${path}` })
          .getByRole('link', { name: 'Delete' })
          .click()
        await page.getByText('Delete the comment of bob?').waitFor()
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
        await comments.filter({ hasText: `Live on ${path}` }).waitFor({ state: 'detached' })
        await context.close()
      }
    }
    await open(`/posts/${own}`, bob)
    await ann.post(`/posts/${own}/comments`, { body: 'Not for Bob' })
    const foreign = article(own).locator('.comment', { hasText: 'Not for Bob' })
    await foreign.waitFor()
    expect(await foreign.getByRole('link', { name: 'Delete' }).count()).to.equal(0)
  })
})

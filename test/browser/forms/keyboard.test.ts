import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { openAs } from '../../support/browser/open-as.ts'
import { useSite } from '../../support/site.ts'

describe('with the keyboard only, a person', () => {
  const {
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let page: Page
  before(async () => {
    const { post } = (await bob.post('/posts', { body: 'A post of Bob' })).json
    await bob.post(`/posts/${post.id}/comments`, { body: 'A comment of Bob' })
    page = await openAs(ann)
  })
  after(() => page.context().close())

  /** Presses Tab until the element has the focus. It must then show that. */
  async function tabTo(selector: string): Promise<void> {
    for (let presses = 0; presses < 80; presses++) {
      await page.keyboard.press('Tab')
      const found = await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)
      if (!found) continue
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)
      expect(outline, `the outline of ${selector}`).not.to.equal('none')
      return
    }
    throw new Error(`Tab does not reach ${selector}`)
  }

  it('follows another', async () => {
    await tabTo('[action="/users/bob/follow"] button')
    await page.keyboard.press('Enter')
    await page.locator('[action="/users/bob/unfollow"] button:focus').waitFor()
    expect((await ann.get('/users/ann/following')).json.people).to.have.length(1)
    await page.locator('.post', { hasText: 'A post of Bob' }).waitFor()
  })

  it('posts', async () => {
    await page.goto(ann.origin)
    await tabTo('.composer textarea')
    await page.keyboard.type('A post by keyboard')
    await tabTo('.composer button')
    await page.keyboard.press('Enter')
    await page.locator('.post', { hasText: 'A post by keyboard' }).waitFor()
  })

  it('likes a post', async () => {
    const { id } = (await ann.get('/')).json.posts.find((post: { body: string }) => /of Bob/.test(post.body))
    await page.goto(ann.origin)
    await tabTo(`#post-${id} .like-form button`)
    await page.keyboard.press('Space')
    await page.locator(`#post-${id} .likes`, { hasText: 'You liked this' }).waitFor()
    await tabTo(`#post-${id} [data-do="reply"]`)
  })

  it('comments, and the focus is at the comment link again', async () => {
    await page.keyboard.press('Enter')
    await page.locator('.reply textarea:focus').waitFor()
    await page.keyboard.type('A comment by keyboard')
    await tabTo('.reply button')
    await page.keyboard.press('Enter')
    await page.locator('.comment', { hasText: 'A comment by keyboard' }).waitFor()
    await page.locator('[data-do="reply"]:focus').waitFor()
  })

  it('likes a comment', async () => {
    await tabTo('.comment .comment-like button')
    await page.keyboard.press('Enter')
    await page.locator('.comment-likes:visible', { hasText: '1' }).waitFor()
  })
})

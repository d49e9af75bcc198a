import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { DESKTOP } from '../../support/browser/viewports.ts'
import { useSite } from '../../support/site.ts'

describe('the focus on a page of posts', () => {
  const {
    database,
    people: { ann, bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  let page: Page

  before(async function () {
    this.timeout(60_000)
    page = await signIn(await newContext({ viewport: DESKTOP }), guest.origin, 'ann')
  })
  beforeEach(async () => {
    await database.query('delete from posts')
    await page.goto(guest.origin)
  })
  after(() => page.context().close())

  async function write(...bodies: string[]): Promise<string[]> {
    const ids: string[] = []
    for (const body of bodies) ids.push((await ann.post('/posts', { body })).json.post.id)
    await page.locator(`#post-${ids.at(-1)}`).waitFor()
    return ids
  }
  const focused = () => page.evaluate(() => document.activeElement?.id)
  const isGone = (id: string) => page.locator(id).waitFor({ state: 'detached' })
  const status = () => page.locator('#status').textContent()

  it('moves to the next post when its own is removed, then to the previous one, then to the composer', async () => {
    const [first, second, third] = await write('First', 'Second', 'Third')
    await page.locator(`#post-${second} .talk`).focus()
    await ann.post(`/posts/${second}/delete`)
    await isGone(`#post-${second}`)
    expect(await focused()).to.equal(`post-${first}`)
    expect(await status()).to.equal('The post was removed.')
    await ann.post(`/posts/${first}/delete`)
    await isGone(`#post-${first}`)
    expect(await focused()).to.equal(`post-${third}`)
    await ann.post(`/posts/${third}/delete`)
    await isGone(`#post-${third}`)
    expect(await focused()).to.equal('composer-text')
  })

  it('moves from a removed comment to the next one', async () => {
    const [id] = await write('With comments')
    const comments: string[] = []
    for (const body of ['one', 'two']) {
      comments.push((await ann.post(`/posts/${id}/comments`, { body })).json.comment.id)
    }
    await page.locator(`#comment-${comments[1]}`).waitFor()
    await page.locator(`#comment-${comments[0]} .name`).focus()
    await ann.post(`/comments/${comments[0]}/delete`)
    await isGone(`#comment-${comments[0]}`)
    expect(await focused()).to.equal(`comment-${comments[1]}`)
    expect(await status()).to.equal('The comment was removed.')
  })

  it('stays on a button while the card around it changes', async () => {
    const [id] = await write('Changing')
    await page.locator(`#post-${id} .heart`).focus()
    await bob.post(`/posts/${id}/like`)
    await page.locator(`#post-${id} .likes`, { hasText: 'bob' }).waitFor()
    await bob.post(`/posts/${id}/comments`, { body: 'A comment' })
    await page.locator(`#post-${id} .comment`, { hasText: 'A comment' }).waitFor()
    await ann.post(`/posts/${id}/edit`, { body: 'Changed' })
    await page.locator(`#post-${id} .post-text`, { hasText: 'Changed' }).waitFor()
    expect(await page.evaluate(() => document.activeElement?.className)).to.match(/heart/)
  })

  it('is not taken by a click on a blank area of a card, but by the Tab key', async () => {
    const [id] = await write('A card')
    const box = (await page.locator(`#post-${id} .post-main`).boundingBox())!
    await page.mouse.click(box.x + box.width - 5, box.y + 5)
    expect(await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 60))).to.match(/^<body/)
    await page.locator('#pause').focus()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 100))).to.include(
      `id="post-${id}"`,
    )
    const card = page.getByRole('feed').getByRole('article', { name: 'ann' })
    expect(await card.getAttribute('aria-posinset')).to.equal('1')
  })
})

import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { contextOf, countStreams, openTab } from '../../support/browser/tabs.ts'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

describe('ten tabs of different pages over HTTP/1.1', () => {
  const {
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  const tabs: { path: string; page: Page }[] = []
  const posts: string[] = []
  let context: BrowserContext
  let written = 0

  before(async function () {
    this.timeout(60_000)
    await ann.post('/groups', { name: 'walks', title: 'Sunday walks' })
    await bob.post('/groups/walks/join')
    await bob.post('/users/ann/follow')
    for (let n = 0; n < 6; n++) posts.push((await ann.post('/posts', { body: `Post ${n}` })).json.post.id)
    context = await contextOf(bob)
  })
  after(() => context.close())

  /** Ann posts to the group and comments on each post: every page must show one of these texts. */
  async function expectAllChange(): Promise<void> {
    const text = `change ${++written} of all pages`
    await ann.post('/posts', { body: text, group: 'walks' })
    for (const id of posts) await ann.post(`/posts/${id}/comments`, { body: text })
    await Promise.all(tabs.map(({ page }) => page.locator('#live', { hasText: text }).waitFor()))
  }

  it('all load and all change live, and the server has one stream', async function () {
    this.timeout(60_000)
    for (const path of [
      '/',
      '/public',
      '/users/ann',
      '/groups/walks',
      ...posts.map((id) => `/posts/${id}`),
    ]) {
      tabs.push({ path, page: await openTab(context, ann.origin + path) })
    }
    await expectAllChange()
    expect(await countStreams(instances[0]!)).to.equal(1)
  })

  it('can still send: a like in the first tab arrives in the others', async () => {
    const [home, , , , permalink] = tabs
    await home!.page.locator(`#post-${posts[0]} .like-form button`).click()
    await permalink!.page.locator('.likes', { hasText: 'You liked this' }).waitFor()
  })

  it('do not notice when any of the others is closed, down to the last one', async function () {
    this.timeout(60_000)
    for (const index of [4, 0, 3, 6, 1, 2, 3, 0, 1]) {
      await tabs.splice(index, 1)[0]!.page.close()
      await expectAllChange()
      expect(await countStreams(instances[0]!)).to.equal(1)
    }
    expect(tabs).to.have.length(1)
    await tabs.pop()!.page.close()
    await eventually(
      () => countStreams(instances[0]!),
      (count) => count === 0,
    )
  })
})

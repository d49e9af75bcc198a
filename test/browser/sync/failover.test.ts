import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { startBalancer, type Balancer } from '../../faults/cluster/balancer.ts'
import { contextOf, countStreams, openTab } from '../../support/browser/tabs.ts'
import { eventually } from '../../support/eventually.ts'
import { startInstance } from '../../support/servers/instance.ts'
import { useSite } from '../../support/site.ts'

describe('four tabs whose instance is killed', () => {
  const {
    database,
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'], instances: 2 })
  let balancer: Balancer
  let context: BrowserContext
  let tabs: Page[]
  let post: string
  const written: string[] = []

  before(async function () {
    this.timeout(60_000)
    await bob.post('/users/ann/follow')
    post = (await ann.post('/posts', { body: 'The first post' })).json.post.id
    balancer = await startBalancer()
    for (const { origin } of instances) balancer.add(origin)
    await eventually(() => balancer.ready() === 2)
    context = await contextOf(bob, { origin: balancer.origin })
    tabs = await Promise.all(
      ['/', '/public', '/users/ann', `/posts/${post}`].map((path) =>
        openTab(context, balancer.origin + path),
      ),
    )
    await tabs[0]!.locator(`#post-${post} [data-do=reply]`).first().click()
    await tabs[0]!.locator('form.reply textarea').fill('an unfinished comment')
  })
  after(async () => {
    await context.close()
    balancer.close()
  })

  /** Ann comments on the post, on an instance that is alive. */
  async function comment(origin: string, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const body = `comment ${written.length + 1}.`
      await ann.at(origin).post(`/posts/${post}/comments`, { body })
      written.push(body)
    }
  }

  /** Checks that the page of the post shows all comments once, and each other page the newest one. */
  async function expectComplete(): Promise<void> {
    const newest = written.at(-1)!
    await Promise.all(tabs.map((page) => page.locator('.comment', { hasText: newest }).waitFor()))
    const texts = await tabs[3]!.locator('.comment-text').allTextContents()
    expect(texts).to.deep.equal(written)
    for (const page of tabs) {
      expect(await page.locator('.comment', { hasText: newest }).count()).to.equal(1)
      await page.locator('#connection').waitFor({ state: 'hidden' })
    }
    const field = tabs[0]!.locator('form.reply textarea')
    expect(await field.inputValue()).to.equal('an unfinished comment')
  }

  it('continue on the other instance: no comment is missing or shown twice, and typed text stays', async function () {
    this.timeout(60_000)
    await comment(ann.origin, 1)
    await expectComplete()
    const counts = await Promise.all(instances.map(countStreams))
    expect(counts.toSorted()).to.deep.equal([0, 1])
    const serving = counts.indexOf(1)
    await instances[serving]!.kill()
    await comment(instances[1 - serving]!.origin, 20)
    await expectComplete()
    instances.splice(serving, 1)
    expect(await countStreams(instances[0]!)).to.equal(1)
  })

  it('all show a banner after 5 s if there is no other instance, and continue when one starts', async function () {
    this.timeout(60_000)
    await instances[0]!.kill()
    const start = Date.now()
    const delays = await Promise.all(
      tabs.map(async (page) => {
        await page.locator('#connection', { hasText: 'Reconnecting' }).waitFor()
        return Date.now() - start
      }),
    )
    for (const delay of delays) expect(delay).to.be.within(4_500, 10_000)
    const instance = await startInstance({ databaseUrl: database.url })
    await comment(instance.origin, 5)
    balancer.add(instance.origin)
    await expectComplete()
  })
})

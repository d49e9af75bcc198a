import { expect } from 'chai'
import type { BrowserContext, CDPSession, Page } from 'playwright-core'
import { launchChromium } from '../../support/browser/chromium.ts'
import { contextOf, openTab } from '../../support/browser/tabs.ts'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

describe('the worker of the joint stream', () => {
  const {
    database,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  /** An older page of the public feed: it gets the events of all posts, and shows none of them. */
  let older: Page
  let permalink: Page
  let post: string

  before(async function () {
    this.timeout(60_000)
    for (let n = 0; n < 31; n++) post = (await ann.post('/posts', { body: `Post ${n}` })).json.post.id
    const { before } = (await bob.get('/public')).json
    context = await contextOf(bob)
    await context.addInitScript(countMessages)
    older = await openTab(context, `${ann.origin}/public?before=${encodeURIComponent(before)}`)
    permalink = await openTab(context, `${ann.origin}/posts/${post}`)
    await comment('both are live')
  })
  after(() => context.close())

  /** Notes in `data-messages` how many events the page has received. */
  function countMessages(): void {
    window.SharedWorker = class extends SharedWorker {
      constructor(url: string | URL, options?: string | WorkerOptions) {
        super(url, options)
        let count = 0
        this.port.addEventListener('message', ({ data }) => {
          if (data.kind === 'event') document.body.dataset.messages = String(++count)
        })
      }
    }
  }
  const messages = () => older.evaluate(() => Number(document.body.dataset.messages))

  async function comment(body: string): Promise<void> {
    await ann.post(`/posts/${post}/comments`, { body })
    await permalink.locator('.comment', { hasText: body }).waitFor({ timeout: 60_000 })
  }
  const insertPosts = (count: number) =>
    database.query(
      `insert into posts (author_id, body)
       select u.id, repeat('one of many ', 20) || n from users u, generate_series(1, ${count}) n where u.username = 'ann'`,
    )

  it('needs no more memory after 5,000 events', async function () {
    this.timeout(120_000)
    const heap = await attachToWorker()
    await insertPosts(200)
    await eventually(messages, (count) => count > 200, { timeout: 30_000 })
    const before = await heap()
    const received = await messages()
    await insertPosts(5_000)
    await eventually(messages, (count) => count >= received + 5_000, { timeout: 90_000 })
    const after = await heap()
    console.log(`      heap of the worker: ${before} bytes before, ${after} bytes after 5,000 events`)
    // 5,000 events have more than 5 MB of JSON.
    expect(after - before).to.be.below(500_000)
  })

  it('sends a tab that does not read 1,000 events; then the tab fetches its state alone', async function () {
    this.timeout(120_000)
    const received = await messages()
    let fetches = 0
    for (const page of [older, permalink]) {
      page.on('request', (request) => {
        if (request.resourceType() === 'fetch' && request.method() === 'GET') fetches += 1
      })
    }
    const debug = await context.newCDPSession(older)
    await debug.send('Debugger.enable')
    const paused = new Promise((resolve) => debug.once('Debugger.paused', resolve))
    const running = older.evaluate('debugger')
    await paused
    await insertPosts(6_000)
    await comment('said after 6,000 posts')
    expect(fetches).to.equal(0)
    await debug.send('Debugger.resume')
    await running
    await eventually(() => fetches === 1, Boolean, { timeout: 30_000 })
    // The last one is the reset.
    expect((await messages()) - received).to.be.within(1_000, 1_010)
    await comment('both are live again')
    await eventually(messages, (count) => count > received + 1_001)
    expect(fetches).to.equal(1)
  })

  /** Returns a function that reads the size of the worker's heap after garbage collection, in bytes. */
  async function attachToWorker(): Promise<() => Promise<number>> {
    const session: CDPSession = await (await launchChromium()).newBrowserCDPSession()
    const { targetInfos } = await session.send('Target.getTargets')
    const worker = targetInfos.find(
      ({ type, url }) => type === 'shared_worker' && url.startsWith(ann.origin),
    )!
    const { sessionId } = await session.send('Target.attachToTarget', {
      targetId: worker.targetId,
      flatten: false,
    })
    let id = 0
    async function send(method: string): Promise<{ usedSize: number }> {
      const own = ++id
      const answer = new Promise<{ usedSize: number }>((resolve) => {
        session.on('Target.receivedMessageFromTarget', ({ message }) => {
          const parsed = JSON.parse(message) as { id: number; result: { usedSize: number } }
          if (parsed.id === own) resolve(parsed.result)
        })
      })
      await session.send('Target.sendMessageToTarget', {
        sessionId,
        message: JSON.stringify({ id: own, method }),
      })
      return answer
    }
    return async () => {
      await send('HeapProfiler.collectGarbage')
      return (await send('Runtime.getHeapUsage')).usedSize
    }
  }
})

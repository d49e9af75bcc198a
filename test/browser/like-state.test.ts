import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../support/chromium.ts'
import { useDatabase } from '../support/database.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/instance.ts'

describe('the like state of a post that an event inserted', () => {
  const database = useDatabase()
  let instance: Instance
  let ann: Client, bob: Client
  let context: BrowserContext
  let page: Page
  let requests: string[]

  before(async function () {
    this.timeout(60_000)
    instance = await startInstance({ databaseUrl: database.url })
    ann = await client(instance.origin).register('ann')
    bob = await client(instance.origin).register('bob')
    await ann.post('/users/bob/follow')
    await database.query(
      "insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(1, 6) n",
    )
  })

  /** Ann's home page; `requests` lists what it asks for from here on. */
  async function open(): Promise<void> {
    context = await newContext({ viewport: { width: 900, height: 700 } })
    page = await context.newPage()
    await page.goto(`${instance.origin}/login`)
    await page.fill('[name=username]', 'ann')
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(`${instance.origin}/`)
    requests = []
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url())
      if (request.resourceType() === 'fetch') requests.push(pathname + search)
    })
  }
  afterEach(() => context.close())

  /** Posts of Bob that Ann liked first and six others after her, pushed off the first page by newer ones. */
  async function likedPosts(count: number): Promise<string[]> {
    const ids: string[] = []
    for (let n = 0; n < count; n++) ids.push((await bob.post('/posts', { body: `Old ${n}` })).json.post.id)
    for (const id of ids) {
      await ann.post(`/posts/${id}/like`)
      await database.query(
        "insert into post_likes (post_id, user_id) select $1, id from users where username like 'fan%'",
        [id],
      )
    }
    for (let n = 0; n < 12; n++) await bob.post('/posts', { body: `New ${n}\n`.repeat(5) })
    return ids
  }
  const bump = (id: string) => bob.post(`/posts/${id}/comments`, { body: 'up again' })
  const button = (id: string, name: string) =>
    page.locator(`#post-${id}`).getByRole('button', { name }).first()

  it('is fetched by one request for all posts that arrive together', async () => {
    const ids = await likedPosts(3)
    await open()
    for (const id of ids) await bump(id)
    for (const id of ids) await button(id, 'Unlike').waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${ids.join()}&comments=`])
  })

  it('is not fetched before the post is in view', async () => {
    const [id] = await likedPosts(1)
    await open()
    await page.evaluate(() => window.scrollTo(0, 900))
    await bump(id!)
    await page.getByRole('button', { name: '1 new post' }).waitFor()
    expect(requests).to.deep.equal([])
    await page.getByRole('button', { name: '1 new post' }).click()
    await button(id!, 'Unlike').waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${id}&comments=`])
  })

  it('is fetched for comments too', async () => {
    const [id] = await likedPosts(1)
    const { comment } = (await bump(id!)).json
    await ann.post(`/comments/${comment.id}/like`)
    for (let n = 0; n < 12; n++) await bob.post('/posts', { body: `Newer ${n}` })
    await open()
    await bump(id!)
    await page.locator(`#comment-${comment.id}`).getByRole('button', { name: 'Unlike' }).waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${id}&comments=${comment.id}`])
  })

  it('is not fetched where the card names everybody who likes the post', async () => {
    const { post } = (await bob.post('/posts', { body: 'Liked by two' })).json
    await ann.post(`/posts/${post.id}/like`)
    await bob.post(`/posts/${post.id}/like`)
    const [liked] = await likedPosts(1)
    await open()
    await bump(post.id)
    await button(post.id, 'Unlike').waitFor()
    await bump(liked!)
    await button(liked!, 'Unlike').waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${liked}&comments=`])
  })

  it('is not fetched after a reset, whose pages carry it', async () => {
    const [older] = await likedPosts(1)
    const [id] = await likedPosts(1)
    await open()
    await page.route('**/stream?*', (route) => route.abort())
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await bump(id!)
    await client(instance.origin).register('cleo')
    await ann.post('/users/cleo/follow')
    await page.unroute('**/stream?*')
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await button(id!, 'Unlike').waitFor()
    await bump(older!)
    await button(older!, 'Unlike').waitFor()
    expect(requests.filter((path) => path.startsWith('/likes'))).to.deep.equal([
      `/likes?posts=${older}&comments=`,
    ])
  })
})

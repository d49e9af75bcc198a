import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { withoutSharedWorkers } from '../support/browser/tabs.ts'
import { useSite } from '../support/site.ts'
import { client, password } from '../support/http.ts'

describe('the like state of a post that an event inserts', () => {
  const {
    database,
    people: { ann, bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  let page: Page
  let requests: string[]

  before(async function () {
    this.timeout(60_000)
    await ann.post('/users/bob/follow')
    await database.query(
      "insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(1, 6) n",
    )
  })

  /** Opens Ann's home page. `requests` lists what its script fetches after that. */
  async function open(): Promise<void> {
    context = await newContext({ viewport: { width: 900, height: 700 } })
    await withoutSharedWorkers(context)
    page = await context.newPage()
    await page.goto(`${guest.origin}/login`)
    await page.fill('[name=username]', 'ann')
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(`${guest.origin}/`)
    requests = []
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url())
      // Older posts come by themselves when the reader scrolls.
      if (pathname === '/stream' || search.startsWith('?before=')) return
      if (request.resourceType() === 'fetch') requests.push(pathname + search)
    })
  }
  afterEach(() => context.close())

  /**
   * Creates posts of Bob that Ann likes first and six other people after her, and newer posts that fill the first page.
   */
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
  const commentOn = (id: string) => bob.post(`/posts/${id}/comments`, { body: 'a new comment' })
  const button = (id: string, name: string) =>
    page.locator(`#post-${id}`).getByRole('button', { name }).first()

  it('is fetched in one request for all posts that arrive together', async () => {
    const ids = await likedPosts(3)
    await open()
    for (const id of ids) await commentOn(id)
    for (const id of ids) await button(id, 'Unlike').waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${ids.join()}&comments=`])
  })

  it('is not fetched before the post is in the viewport', async () => {
    const [id] = await likedPosts(1)
    await open()
    await page.evaluate(() => window.scrollTo(0, 900))
    await commentOn(id!)
    await page.getByRole('button', { name: '1 new post' }).waitFor()
    expect(requests).to.deep.equal([])
    await page.getByRole('button', { name: '1 new post' }).click()
    await button(id!, 'Unlike').waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${id}&comments=`])
  })

  it('is fetched for comments too', async () => {
    const [id] = await likedPosts(1)
    const { comment } = (await commentOn(id!)).json
    await ann.post(`/comments/${comment.id}/like`)
    for (let n = 0; n < 12; n++) await bob.post('/posts', { body: `Newer ${n}` })
    await open()
    await commentOn(id!)
    await page.locator(`#comment-${comment.id}`).getByRole('button', { name: 'Unlike' }).waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${id}&comments=${comment.id}`])
  })

  it('is not fetched if the card names all likers', async () => {
    const { post } = (await bob.post('/posts', { body: 'Liked by two' })).json
    await ann.post(`/posts/${post.id}/like`)
    await bob.post(`/posts/${post.id}/like`)
    const [liked] = await likedPosts(1)
    await open()
    await commentOn(post.id)
    await button(post.id, 'Unlike').waitFor()
    await commentOn(liked!)
    await button(liked!, 'Unlike').waitFor()
    expect(requests).to.deep.equal([`/likes?posts=${liked}&comments=`])
  })

  it('is not fetched after a reset, because the fetched pages contain it', async () => {
    const [older] = await likedPosts(1)
    const [id] = await likedPosts(1)
    await open()
    await page.route('**/stream?*', (route) => route.abort())
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await commentOn(id!)
    await client(guest.origin).register('cleo')
    await ann.post('/users/cleo/follow')
    await page.unroute('**/stream?*')
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await button(id!, 'Unlike').waitFor()
    await commentOn(older!)
    await button(older!, 'Unlike').waitFor()
    expect(requests.filter((path) => path.startsWith('/likes'))).to.deep.equal([
      `/likes?posts=${older}&comments=`,
    ])
  })
})

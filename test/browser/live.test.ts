import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { useDatabase } from '../support/database.ts'
import { newContext } from '../support/browser/chromium.ts'
import { choose } from '../support/browser/menus.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

describe('the pages of two people on two instances', () => {
  const database = useDatabase()
  const contexts: BrowserContext[] = []
  let instances: Instance[]
  let ann: Client
  /** Ann’s page on one instance, Bob’s on the other. */
  let annPage: Page, bobPage: Page

  before(async function () {
    this.timeout(60_000)
    instances = await Promise.all([1, 2].map(() => startInstance({ databaseUrl: database.url })))
    ann = await client(instances[0]!.origin).register('ann')
    await client(instances[1]!.origin).register('bob')
    annPage = await signIn('ann', instances[0]!)
    bobPage = await signIn('bob', instances[1]!)
  })
  after(() => Promise.all(contexts.map((context) => context.close())))

  async function signIn(username: string, { origin }: Instance): Promise<Page> {
    const context = await newContext({ viewport: { width: 1100, height: 800 } })
    contexts.push(context)
    const page = await context.newPage()
    await page.goto(`${origin}/login`)
    await page.fill('[name=username]', username)
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(`${origin}/`)
    return page
  }
  const postWith = (page: Page, text: string) => page.locator('article.post', { hasText: text })

  async function write(page: Page, text: string): Promise<void> {
    await page.fill('.composer textarea', text)
    await page.click('.composer button:has-text("Post")')
  }

  it('show the posts of a person who is followed in another browser', async () => {
    await write(annPage, 'Hello from Ann')
    await postWith(annPage, 'Hello from Ann').waitFor()
    const bob = client(instances[0]!.origin)
    await bob.login('bob')
    await bob.post('/users/ann/follow')
    await postWith(bobPage, 'Hello from Ann').waitFor()
  })

  it('show a new post', async () => {
    await write(annPage, 'The second one')
    await postWith(bobPage, 'The second one').waitFor()
    await postWith(annPage, 'The second one').first().waitFor()
    expect(await postWith(annPage, 'The second one').count(), 'once on the page of its author').to.equal(1)
  })

  it('show a comment, a like and an unlike of the other person', async () => {
    const annPost = postWith(annPage, 'The second one')
    const bobPost = postWith(bobPage, 'The second one')
    await bobPost.getByRole('link', { name: 'Comment' }).click()
    await bobPost.locator('form.reply textarea').fill('Nice to see you')
    await bobPost.locator('form.reply button').click()
    await annPost.locator('.comment', { hasText: 'Nice to see you' }).waitFor()
    await bobPost.getByRole('button', { name: 'Like', exact: true }).click()
    await annPost.locator('.likes', { hasText: 'bob' }).waitFor()
    await bobPost.locator('.likes', { hasText: 'You' }).waitFor()
    await bobPost.getByRole('button', { name: 'Unlike' }).click()
    await annPost.locator('.likes', { hasText: 'bob' }).waitFor({ state: 'hidden' })
  })

  it('show an edit', async () => {
    const post = postWith(annPage, 'The second one')
    await choose(post, 'Edit')
    await post.locator('form textarea').first().fill('The second one, improved')
    await post.getByRole('button', { name: 'Save' }).click()
    await postWith(bobPage, 'The second one, improved').waitFor()
    await postWith(bobPage, 'The second one, improved').locator('.edited').waitFor()
  })

  it('remove a deleted post, after a confirmation', async () => {
    await choose(postWith(annPage, 'The second one, improved'), 'Delete')
    await annPage.locator('dialog[open] button', { hasText: 'Delete' }).click()
    await postWith(bobPage, 'The second one, improved').waitFor({ state: 'detached' })
    await postWith(annPage, 'The second one, improved').waitFor({ state: 'detached' })
  })

  it('remove the posts of a person who is unfollowed', async () => {
    const bob = client(instances[0]!.origin)
    await bob.login('bob')
    await bob.post('/users/ann/unfollow')
    await postWith(bobPage, 'Hello from Ann').waitFor({ state: 'detached' })
    await bob.post('/users/ann/follow')
    await postWith(bobPage, 'Hello from Ann').waitFor()
  })

  it('keep the text and the selection of an open form when an event changes its post', async () => {
    const bobPost = postWith(bobPage, 'Hello from Ann')
    await bobPost.getByRole('link', { name: 'Comment' }).click()
    const reply = bobPost.locator('form.reply textarea')
    await reply.fill('an unfinished comment')
    await reply.evaluate((field: HTMLTextAreaElement) => field.setSelectionRange(4, 6))
    await postWith(annPage, 'Hello from Ann').getByRole('button', { name: 'Like', exact: true }).click()
    await bobPost.locator('.likes', { hasText: 'ann' }).waitFor()
    expect(
      await reply.evaluate((field: HTMLTextAreaElement) => ({
        text: field.value,
        from: field.selectionStart,
        to: field.selectionEnd,
        focused: document.activeElement === field,
      })),
    ).to.deep.equal({ text: 'an unfinished comment', from: 4, to: 6, focused: true })
  })

  it('keep a new post behind a button while the reader writes', async () => {
    await write(annPage, 'Do not disturb')
    await bobPage.getByRole('button', { name: '1 new post' }).click()
    await postWith(bobPage, 'Do not disturb').waitFor()
    expect(await postWith(bobPage, 'Hello from Ann').locator('form.reply textarea').inputValue()).to.equal(
      'an unfinished comment',
    )
  })

  it('show markup in a post as text', async () => {
    const text = '</script><img src=x onerror="window.hacked = 1"> {{7*7}} <b>bold</b>'
    await write(annPage, text)
    await postWith(bobPage, text).waitFor()
    await bobPage.reload()
    await postWith(bobPage, text).waitFor()
    for (const page of [annPage, bobPage]) expect(await page.evaluate('window.hacked')).to.equal(undefined)
  })

  it('show a new post within milliseconds', async () => {
    const times: number[] = []
    for (let n = 0; n < 15; n++) {
      const text = `timed ${n}`
      const seen = bobPage.evaluate(
        (wanted) =>
          new Promise<number>((resolve) => {
            const observer = new MutationObserver(look)
            function look(): void {
              if (!document.querySelector('[role=feed]')?.textContent?.includes(wanted)) return
              observer.disconnect()
              resolve(Date.now())
            }
            observer.observe(document.body, { childList: true, subtree: true, characterData: true })
            look()
          }),
        text,
      )
      const start = Date.now()
      await ann.post('/posts', { body: text })
      times.push((await seen) - start)
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
    console.log(`      from the request to the other page’s DOM: median ${median} ms of ${times.length}`)
  })

  it('show after a restart of the instance what happened meanwhile', async () => {
    await instances[1]!.kill()
    await ann.post('/posts', { body: 'while you were away' })
    const port = new URL(instances[1]!.origin).port
    instances[1] = await startInstance({ databaseUrl: database.url, env: { PORT: port } })
    await postWith(bobPage, 'while you were away').waitFor()
  })
})

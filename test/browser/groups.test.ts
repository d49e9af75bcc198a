import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { choose } from '../support/browser/menus.ts'
import { useDatabase } from '../support/database.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

describe('a group in two browsers on two instances', () => {
  const database = useDatabase()
  const contexts: BrowserContext[] = []
  let instances: Instance[]
  let ann: Client, bob: Client
  let annPage: Page, bobPage: Page

  before(async function () {
    this.timeout(60_000)
    instances = await Promise.all([1, 2].map(() => startInstance({ databaseUrl: database.url })))
    ann = await client(instances[0]!.origin).register('ann')
    bob = await client(instances[1]!.origin).register('bob')
    await ann.post('/groups', { name: 'circle', title: 'The circle', visibility: 'private' })
    await bob.post('/groups/circle/join')
    await ann.post('/groups/circle/requests/bob/accept')
    annPage = await signIn('ann', instances[0]!, '/groups/circle')
    bobPage = await signIn('bob', instances[1]!, '/')
  })
  after(() => Promise.all(contexts.map((context) => context.close())))

  async function signIn(username: string, { origin }: Instance, path: string): Promise<Page> {
    const context = await newContext({ viewport: { width: 1100, height: 800 } })
    contexts.push(context)
    const page = await context.newPage()
    await page.goto(`${origin}/login?next=${path}`)
    await page.fill('[name=username]', username)
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForURL(origin + path)
    return page
  }
  const postWith = (page: Page, text: string) => page.locator('article.post', { hasText: text })
  const commentWith = (page: Page, text: string) => page.locator('.comment', { hasText: text })

  it('gets a post from the composer of the home page, and its open page shows it', async () => {
    await bobPage.click('.composer textarea')
    await bobPage.selectOption('.composer [name=group]', { label: 'The circle (private)' })
    await bobPage.fill('.composer textarea', 'Only for us')
    await bobPage.click('.composer button:has-text("Post")')
    await postWith(bobPage, 'Only for us').waitFor()
    await postWith(annPage, 'Only for us').locator('.by', { hasText: 'The circle' }).waitFor()
    expect((await client(instances[0]!.origin).get('/public')).text).to.not.contain('Only for us')
  })

  it('keeps a draft together with its group', async () => {
    await bobPage.click('.composer textarea')
    await bobPage.selectOption('.composer [name=group]', 'circle')
    await bobPage.fill('.composer textarea', 'An unfinished secret')
    await bobPage.reload()
    expect(await bobPage.inputValue('.composer textarea')).to.equal('An unfinished secret')
    expect(await bobPage.inputValue('.composer [name=group]')).to.equal('circle')
    await bobPage.fill('.composer textarea', '')
    // Posts wait while a person writes.
    await bobPage.locator('.composer textarea').blur()
  })

  it('gets a post from the composer of its own page', async () => {
    await annPage.fill('.composer textarea', 'From the group page')
    await annPage.click('.composer button:has-text("Post")')
    await postWith(annPage, 'From the group page').waitFor()
    await postWith(bobPage, 'From the group page').waitFor()
  })

  it('shows likes of a comment at once on both pages, and the names after a click', async () => {
    const { post } = (await bob.post('/posts', { body: 'Talk here', group: 'circle' })).json
    await bob.post(`/posts/${post.id}/comments`, { body: 'How about this' })
    const annComment = commentWith(annPage, 'How about this')
    const bobComment = commentWith(bobPage, 'How about this')
    await annComment.getByRole('button', { name: 'Like this comment', exact: true }).click()
    await annComment.getByRole('link', { name: '1 like' }).waitFor()
    await annComment.getByRole('button', { name: 'Unlike this comment' }).waitFor()
    await bobComment.getByRole('link', { name: '1 like' }).click()
    await bobComment.locator('.who', { hasText: 'ann' }).waitFor()
    expect(await bobComment.getByRole('button', { name: 'Unlike this comment' }).count()).to.equal(0)
    await bob.post(`/comments/${await idOf(bobComment)}/like`)
    await bobComment.locator('.who', { hasText: 'bob, ann' }).waitFor()
    await bobComment.getByRole('button', { name: 'Unlike this comment' }).waitFor()
    await annComment.getByRole('link', { name: '2 likes' }).waitFor()
    await annComment.getByRole('button', { name: 'Unlike this comment' }).click()
    await bobComment.getByRole('link', { name: '1 like', exact: true }).waitFor()
    await bobPage.reload()
    await bobComment.getByRole('button', { name: 'Unlike this comment' }).waitFor()
  })

  async function idOf(comment: ReturnType<typeof commentWith>): Promise<string> {
    return (await comment.getAttribute('data-comment')) ?? ''
  }

  it('lets its owner delete posts and comments of others', async () => {
    await commentWith(annPage, 'How about this').getByRole('link', { name: 'Delete' }).click()
    await annPage.locator('dialog[open] button', { hasText: 'Delete' }).click()
    await commentWith(bobPage, 'How about this').waitFor({ state: 'detached' })
    await choose(postWith(annPage, 'Only for us'), 'Delete')
    await annPage.locator('dialog[open] button', { hasText: 'Delete' }).click()
    await postWith(bobPage, 'Only for us').waitFor({ state: 'detached' })
  })

  it('removes its posts from all open pages of a removed member', async () => {
    const groupPage = await bobPage.context().newPage()
    await groupPage.goto(`${instances[1]!.origin}/groups/circle`)
    await postWith(groupPage, 'Talk here').waitFor()
    await ann.post('/groups/circle/members/bob/remove')
    await postWith(bobPage, 'Talk here').waitFor({ state: 'detached' })
    await postWith(groupPage, 'Talk here').waitFor({ state: 'detached' })
    expect(await postWith(annPage, 'Talk here').count()).to.equal(1)
  })
})

import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { createStatusLine } from '../../../src/browser/sync/status-line.ts'
import { contextOf, openTab } from '../../support/browser/tabs.ts'
import { useSite } from '../../support/site.ts'

describe('the footer', () => {
  const {
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let context: BrowserContext
  let page: Page

  before(async () => {
    await bob.post('/users/ann/follow')
    context = await contextOf(bob, { viewport: { width: 390, height: 800 } })
    page = await openTab(context, `${ann.origin}/`)
  })
  after(() => context.close())

  const line = () => page.locator('#stream-state')
  const height = () => page.locator('.foot').evaluate((footer) => footer.getBoundingClientRect().height)

  it('shows that the page is live, and the position and the delay of the last event', async () => {
    await page.locator('#stream-state', { hasText: /^live$/ }).waitFor()
    const before = await height()
    await ann.post('/posts', { body: 'To be seen' })
    const { seq } = (await ann.get('/')).json
    await page.locator('#stream-state', { hasText: `live · ${seq} · ` }).waitFor()
    const [, delay] = /(\d+) ms$/.exec((await line().textContent()) ?? '') ?? []
    expect(Number(delay)).to.be.below(1000)
    expect(await height(), 'the text moves nothing').to.equal(before)
  })

  it('shows that the page is reconnecting', async () => {
    await instances[0]!.kill()
    await page.locator('#stream-state', { hasText: 'reconnecting · ' }).waitFor()
  })
})

describe('the text of the footer', () => {
  const post = { created_at: '2026-11-25T01:38:57.475451Z', edited_at: '2026-11-25T01:40:00.000000Z' }
  const textAfter = (name: string, payload: object, ahead = 0): string => {
    const line = createStatusLine()
    line.setState('live')
    line.setClock(Date.now() - Date.parse('2026-11-25T01:40:00.038Z') + ahead)
    line.note({ name, id: '41207', data: JSON.stringify(payload) })
    return line.text()
  }
  const delayAfter = (name: string, payload: object): string => textAfter(name, payload).split(' · ')[2] ?? ''

  it('has the delay by the clock of the server', () => {
    const [, delay] = /^live · 41,207 · (\d+) ms$/.exec(textAfter('post', { action: 'edited', post })) ?? []
    expect(Number(delay)).to.be.within(38, 500)
    expect(delayAfter('comment', { action: 'edited', comment: { ...post, body: '' } })).to.match(/ms$/)
    expect(delayAfter('post', { action: 'created', post })).to.equal('1 min')
    expect(delayAfter('like', { action: 'added', entries: [{ at: post.edited_at }] })).to.match(/ms$/)
  })

  it('has no delay if the event has no time of its change', () => {
    for (const [name, payload] of [
      ['like', { action: 'added', post, entries: [] }],
      ['like', { action: 'removed', post }],
      ['post', { action: 'deleted', post: { id: '1' } }],
      ['comment', { action: 'deleted', comment: { id: '1' } }],
      ['user', { id: '1' }],
      ['beat', {}],
    ] as const) {
      expect(textAfter(name, payload)).to.equal('live · 41,207')
    }
  })
})

import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import { newContext } from '../support/browser/chromium.ts'
import { fillPages } from '../support/browser/pages.ts'
import { signIn } from '../support/browser/sign-in.ts'
import { client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

/** Links to pages of one kind that are followed, of all that the site has. */
const PER_KIND = 4
/** Names of routes, which are the same on each page of a kind. Other parts of a path are a name or an id. */
const WORDS =
  /^(users|groups|posts|comments|tags|settings|admin|people|public|login|register|theme|offline|followers|following|likers|members|requests|edit|delete|report|reports|sign-up|names|log|comments|new|profile|password|sessions|account|search|saved|notifications|help|about)$/

describe('every link', () => {
  const { database, people, instances, guest } = useSite({ people: ['ann', 'bob', 'cleo', 'dora'] })
  const contexts: BrowserContext[] = []
  before(async function () {
    this.timeout(60_000)
    await fillPages(database, people)
    await client(guest.origin).register('newcomer')
  })
  after(() => Promise.all(contexts.map((context) => context.close())))

  async function open(username: string | null): Promise<Page> {
    const context = await newContext()
    contexts.push(context)
    return username ? signIn(context, instances[0]!.origin, username) : context.newPage()
  }

  for (const [who, username] of [
    ['a signed-out visitor', null],
    ['a new person', 'newcomer'],
    ['an admin', 'ann'],
  ] as const) {
    it(`of ${who} leads to a whole page`, async function () {
      this.timeout(180_000)
      const page = await open(username)
      const faults: string[] = []
      const visited = await walk(page, instances[0]!.origin, async (path, from) => {
        for (const fault of await check(page, path)) faults.push(`${path} (from ${from}): ${fault}`)
      })
      expect(faults).to.deep.equal([])
      expect(visited).to.be.greaterThan(username ? 25 : 15)
    })
  }
})

/** Visits the home page and what it links to, page after page. Returns the number of visited pages. */
async function walk(
  page: Page,
  origin: string,
  visit: (path: string, from: string) => Promise<void>,
): Promise<number> {
  const from = new Map([['/', 'the start']])
  const kinds = new Map<string, number>()
  for (const path of from.keys()) {
    const response = await page.goto(origin + path)
    expect(response?.status(), `${path} (from ${from.get(path)})`).to.equal(200)
    await visit(path, from.get(path)!)
    for (const next of await linksOf(page)) {
      const seen = kinds.get(kindOf(next)) ?? 0
      if (from.has(next) || seen >= PER_KIND) continue
      kinds.set(kindOf(next), seen + 1)
      from.set(next, path)
    }
  }
  return from.size
}

/** The links to other pages of the site. */
async function linksOf(page: Page): Promise<string[]> {
  const links = await page
    .locator('a[href]')
    .evaluateAll((all) =>
      (all as HTMLAnchorElement[])
        .filter(({ origin, download }) => origin === location.origin && !download)
        .map(({ pathname, search }) => pathname + search),
    )
  return [...new Set(links)]
}

function kindOf(path: string): string {
  const { pathname, searchParams } = new URL(path, 'http://site')
  const parts = pathname.split('/').map((part) => (part === '' || WORDS.test(part) ? part : '*'))
  return `${parts.join('/')}?${[...searchParams.keys()].join('&')}`
}

/** What is wrong with the page that is open. */
async function check(page: Page, path: string): Promise<string[]> {
  const found = await page.evaluate(() => ({
    title: document.title,
    headings: document.querySelectorAll('h1').length,
    mains: document.querySelectorAll('main').length,
    text: document.body.innerText,
    current: [...document.querySelectorAll('.bar-inner > a[aria-current]')].map((link) =>
      link.getAttribute('href'),
    ),
    bar: [...document.querySelectorAll('.bar-inner > a:not(.brand)')].map((link) =>
      link.getAttribute('href'),
    ),
    ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
    broken: [...document.querySelectorAll<HTMLAnchorElement>('a[href^="#"]')]
      .map((link) => link.getAttribute('href')!)
      .filter((href) => href !== '#' && !document.getElementById(href.slice(1))),
  }))
  const faults: string[] = []
  const { pathname } = new URL(path, 'http://site')
  const expected = found.bar.includes(pathname) && !/^\/(login|register)/.test(pathname) ? [pathname] : []
  if (!/^(.+ · )?KoaFeed$/.test(found.title)) faults.push(`title: ${found.title}`)
  if (found.headings !== 1) faults.push(`${found.headings} headings of level 1`)
  if (found.mains !== 1) faults.push(`${found.mains} main elements`)
  if (found.current.join() !== expected.join()) faults.push(`current item: ${found.current.join()}`)
  if (/undefined|NaN|\[object|null/.test(found.text))
    faults.push(`text: ${/.{0,40}(undefined|NaN|\[object|null).{0,20}/.exec(found.text)?.[0]}`)
  if (/\b(sessions?|cursor|payload|parameter)\b/i.test(found.text)) faults.push('a word of the code')
  const repeated = found.ids.filter((id, i) => found.ids.indexOf(id) !== i)
  if (repeated.length > 0) faults.push(`repeated ids: ${repeated.join()}`)
  if (found.broken.length > 0) faults.push(`links to nothing: ${found.broken.join()}`)
  return faults
}

import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { Client } from '../http.ts'
import { newContext } from './chromium.ts'

/** Opens a page in a new context that is signed in as `person`. The caller closes the context. */
export async function openAs(person: Client, path = '/', options: BrowserContextOptions = {}): Promise<Page> {
  const context = await newContext(options)
  await useSession(context, person)
  const page = await context.newPage()
  await page.goto(person.origin + path)
  return page
}

/** Signs the browser in as `person`, with the session of that client. `url` is the site, if it has another origin. */
export async function useSession(
  context: BrowserContext,
  person: Client,
  url = person.origin,
): Promise<void> {
  await context.clearCookies()
  await context.addCookies(
    person
      .cookie()
      .split('; ')
      .map((pair) => {
        const [name = '', ...value] = pair.split('=')
        return { name, value: value.join('='), url }
      }),
  )
}

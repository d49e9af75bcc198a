import type { BrowserContext, Page } from 'playwright-core'
import { password } from '../http.ts'

/** Opens a tab and signs a person in with the form. The tab then shows the home page. */
export async function signIn(context: BrowserContext, origin: string, username: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${origin}/login`)
  await page.fill('[name=username]', username)
  await page.fill('[name=password]', password)
  await page.press('[name=password]', 'Enter')
  await page.waitForURL(`${origin}/`)
  return page
}

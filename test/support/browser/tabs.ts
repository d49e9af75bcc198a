import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { Client } from '../http.ts'
import { newContext } from './chromium.ts'
import { useSession } from './open-as.ts'

/** A context of the browser in which this person is signed in. */
export async function contextOf(
  person: Client,
  { origin = person.origin, ...options }: BrowserContextOptions & { origin?: string } = {},
): Promise<BrowserContext> {
  const context = await newContext(options)
  await useSession(context, person, origin)
  return context
}

export async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Makes each tab of the context open a stream of its own, in the page, where Playwright can intercept it. */
export async function withoutSharedWorkers(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => Reflect.deleteProperty(window, 'SharedWorker'))
}

/** The number of streams that an instance serves. */
export async function countStreams({ metricsOrigin }: { metricsOrigin: string | null }): Promise<number> {
  const text = await (await fetch(`${metricsOrigin}/metrics`)).text()
  return Number(/^koafeed_streams (\d+)$/m.exec(text)?.[1])
}

import type { BrowserContext, Request } from 'playwright-core'

/** Chromium logs each failed request. A test may cause one; of a file of the site, `watchPages` reports it. */
const FAILED_REQUEST = /^Failed to load resource/
const FILES = new Set(['script', 'stylesheet', 'image', 'font', 'manifest'])

const seen: string[] = []

/**
 * Notes what no page of the site may cause: errors in the console, which include violations of the content security
 * policy; exceptions; files that do not exist; requests to other sites. A hook in `global.ts` fails the test that saw one.
 */
export function watchPages(context: BrowserContext): void {
  context.on('console', (message) => {
    const text = message.text()
    if (message.type() === 'error' && !FAILED_REQUEST.test(text)) seen.push(`console: ${text}`)
  })
  context.on('weberror', (error) => seen.push(`exception: ${String(error.error())}`))
  context.on('request', (request) => {
    if (isElsewhere(request)) seen.push(`request to another site: ${request.url()}`)
  })
  context.on('response', (response) => {
    if (response.status() >= 400 && FILES.has(response.request().resourceType()))
      seen.push(`missing file: ${response.url()} (${response.status()})`)
  })
}

/** Returns what the pages of this test have caused, and forgets it. A test that causes an error on purpose calls it. */
export function takePageErrors(): string[] {
  return seen.splice(0)
}

function isElsewhere(request: Request): boolean {
  const { protocol, hostname } = new URL(request.url())
  return /^(https?|wss?):$/.test(protocol) && !/^(127\.0\.0\.1|\[::1\]|(.+\.)?localhost)$/.test(hostname)
}

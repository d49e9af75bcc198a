import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core'
import { watchPages } from './page-errors.ts'

let browser: Promise<Browser> | null = null

const installed = [
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Chromium sends no requests of its own to the network. */
const offlineOptions = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-sync',
  '--disable-features=OptimizationHints,MediaRouter,Translate,InterestFeedContentSuggestions',
  '--metrics-recording-only',
  '--no-first-run',
  '--no-pings',
]

/** Returns the browser of this test run: CHROMIUM_PATH, else the installed one, else the one of an npm package. */
export async function launchChromium(): Promise<Browser> {
  browser ??= launch()
  return browser
}

/**
 * Returns a context with separate cookies, tabs and workers, as for another person. The caller closes it. A test fails if
 * a page of it causes an error. Service workers are blocked unless `options` allow them: Playwright cannot intercept
 * requests that pass through them.
 */
export async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await (await launchChromium()).newContext({ serviceWorkers: 'block', ...options })
  watchPages(context)
  return context
}

export async function closeChromium(): Promise<void> {
  await (await browser)?.close()
  browser = null
}

async function launch(): Promise<Browser> {
  const found = process.env.CHROMIUM_PATH || installed.find((path) => existsSync(path))
  return chromium.launch({
    executablePath: found ?? (await packagedChromium()),
    headless: true,
    // Root cannot use Chromium's sandbox, and neither can most containers.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', ...offlineOptions],
  })
}

/** Works on Linux with x64 or arm64 only. The package unpacks the browser once, into the temporary folder. */
async function packagedChromium(): Promise<string> {
  const { default: packaged } = await import('@sparticuz/chromium')
  return packaged.executablePath()
}

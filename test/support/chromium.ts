import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core'

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

/** A browser says nothing to the network but what a test has it say. */
const quiet = [
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

/** The one browser of this run: that of CHROMIUM_PATH, else the system's, else the one inside an npm package. */
export async function launchChromium(): Promise<Browser> {
  browser ??= launch()
  return browser
}

/** A context is a person's browser: cookies, tabs and workers of its own. Close it when done. */
export async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return (await launchChromium()).newContext(options)
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
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', ...quiet],
  })
}

/** For Linux on x64 and arm64 only. It unpacks itself into the folder of temporary files, once. */
async function packagedChromium(): Promise<string> {
  const { default: packaged } = await import('@sparticuz/chromium')
  return packaged.executablePath()
}

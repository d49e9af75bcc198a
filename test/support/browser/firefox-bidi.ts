import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A Firefox without a window, which a test controls with WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/). */
export interface Firefox {
  /** `cookies` is the value of a Cookie header. */
  setCookies(cookies: string, domain: string): Promise<void>
  /** Opens a page in a new tab, and waits until it is loaded. */
  openTab(url: string): Promise<FirefoxTab>
  close(): Promise<void>
}

export interface FirefoxTab {
  /** Evaluates an expression of JavaScript whose value is a string, a number or a boolean. */
  evaluate(expression: string): Promise<unknown>
  goto(url: string): Promise<void>
  /** Goes back in the history of the tab. */
  goBack(): Promise<void>
  close(): Promise<void>
}

/** Firefox sends no requests of its own to the network. */
const PREFERENCES = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.systemAddon.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'http://localhost:1',
}

interface Answer {
  id: number
  type: 'success' | 'error'
  result: Record<string, unknown>
  message?: string
}

export async function startFirefox(program: string): Promise<Firefox> {
  const folder = mkdtempSync(join(tmpdir(), 'koafeed-firefox-'))
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  )
  writeFileSync(join(folder, 'user.js'), lines.join('\n'))
  const child = spawn(
    program,
    ['--headless', '--no-remote', '--profile', folder, '--remote-debugging-port', '0'],
    { env: { ...process.env, HOME: folder }, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  )
  const exited = once(child, 'exit')
  const send = await connect(await addressOf(child.stderr))
  await send('session.new', { capabilities: {} })
  return {
    async setCookies(cookies, domain) {
      for (const pair of cookies.split('; ')) {
        const [name = '', value = ''] = pair.split(/=(.*)/)
        const cookie = { name, value: { type: 'string', value }, domain, httpOnly: true, sameSite: 'lax' }
        await send('storage.setCookie', { cookie })
      }
    },
    async openTab(url) {
      const { context } = await send('browsingContext.create', { type: 'tab' })
      await send('browsingContext.navigate', { context, url, wait: 'complete' })
      return {
        async evaluate(expression) {
          const target = { context }
          const { result } = await send('script.evaluate', { expression, target, awaitPromise: true })
          return (result as { value: unknown }).value
        },
        goto: async (next) =>
          void (await send('browsingContext.navigate', { context, url: next, wait: 'complete' })),
        goBack: async () => void (await send('browsingContext.traverseHistory', { context, delta: -1 })),
        close: async () => void (await send('browsingContext.close', { context })),
      }
    },
    async close() {
      // Its processes for pages are in the same group.
      process.kill(-child.pid!, 'SIGKILL')
      await exited
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function addressOf(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(stderr)) {
    const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? []
    if (address !== undefined) return address
  }
  throw new Error('Firefox ended before it listened')
}

type Send = (method: string, params: object) => Promise<Record<string, unknown>>

async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(`${address}/session`)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const waiting = new Map<number, (answer: Answer) => void>()
  let count = 0
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  return async (method, params) => {
    const id = ++count
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve))
    socket.send(JSON.stringify({ id, method, params }))
    const { type, result, message } = await answered
    if (type === 'error') throw new Error(`${method}: ${message}`)
    return result
  }
}

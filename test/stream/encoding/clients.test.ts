import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { eventually } from '../../support/eventually.ts'
import { newContext } from '../../support/browser/chromium.ts'
import { findFirefox, openInFirefox } from '../../support/browser/firefox.ts'
import { startForwarder, type Forwarder } from '../../support/servers/forwarder.ts'
import { findNginx, startNginx, type Nginx } from '../../support/servers/nginx.ts'
import { useSite } from '../../support/site.ts'

const BURST = 300

/** Reports each event as soon as it arrives. */
const PAGE = `<!doctype html><script>
  const source = new EventSource('/public/stream' + location.search)
  source.addEventListener('post', ({ data }) =>
    fetch('/received', { method: 'POST', body: JSON.parse(data).post.body }))
  </script>`

/** Opens a page; returns a function that closes it. */
type OpenPage = (url: string) => Promise<() => Promise<void>> | (() => Promise<void>)

describe('a stream in zstd', function () {
  this.timeout(60_000)
  const { database, instances, people, guest } = useSite({ people: ['ann'] })
  const firefox = findFirefox()
  const nginxProgram = findNginx()
  const hasCurl = spawnSync('curl', ['--version']).stdout?.includes('zstd') ?? false
  let nginx: Nginx | null = null
  before(async () => {
    if (nginxProgram !== null) nginx = await startNginx(nginxProgram, [instances[0]!.origin])
  })
  after(() => nginx?.stop())

  async function inChromium(url: string): Promise<() => Promise<void>> {
    const context = await newContext()
    await (await context.newPage()).goto(url)
    return () => context.close()
  }
  const browsers: [string, OpenPage | null][] = [
    ['Chromium', inChromium],
    ['Firefox', firefox === null ? null : (url) => openInFirefox(firefox, url)],
  ]
  const routes: [string, () => string | undefined][] = [
    ['', () => guest.origin],
    [' through nginx', () => nginx?.origin],
  ]
  const write = (body: string) => people.ann.post('/posts', { body })
  const writeBurst = (name: string) =>
    database.query(
      `insert into posts (author_id, body) select 1, '${name} ' || n from generate_series(1, ${BURST}) n`,
    )
  const burst = (name: string): string[] => Array.from({ length: BURST }, (_, n) => `${name} ${n + 1}`)

  for (const [browser, openPage] of browsers) {
    for (const [route, originOf] of routes) {
      it(`arrives in ${browser}${route}, each event before the next is written`, async function () {
        const origin = originOf()
        if (openPage === null || origin === undefined) return this.skip()
        const encodings: unknown[] = []
        const received: string[] = []
        const forwarder = await startForwarder(origin, {
          handle(request, response) {
            if (request.url === '/received') void text(request).then((body) => received.push(body))
            else if (!request.url?.startsWith('/page')) return false
            response.setHeader('Content-Type', 'text/html').end(PAGE)
            return true
          },
          respond({ url = '' }, { headers }) {
            if (/stream/.test(url)) encodings.push(headers['content-encoding'])
          },
        })
        const { seq } = (await guest.get('/public')).json
        const close = await openPage(`${forwarder.origin}/page?after=${seq}`)
        try {
          for (const body of ['one', 'two', 'three'].map((word) => `${browser}${route} ${word}`)) {
            await write(body)
            await eventually(
              () => received.at(-1),
              (last) => last === body,
              { timeout: 20_000 },
            )
          }
          await writeBurst(browser)
          await eventually(
            () => received.length,
            (count) => count === 3 + BURST,
            { timeout: 20_000 },
          )
          expect(received.slice(3).sort()).to.deep.equal(burst(browser).sort())
          expect(encodings).to.deep.equal(['zstd'])
        } finally {
          await close()
          forwarder.close()
        }
      })
    }
  }

  for (const [route, originOf] of routes) {
    it(`arrives in curl --compressed${route}, each event before the next is written`, async function () {
      const origin = originOf()
      if (!hasCurl || origin === undefined) return this.skip()
      const { seq } = (await guest.get('/public')).json
      const curl = spawn('curl', ['--compressed', '-sNv', `${origin}/public/stream?after=${seq}`])
      let [received, headers] = ['', '']
      curl.stdout.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
      curl.stderr.on('data', (chunk: Buffer) => (headers += chunk.toString('latin1')))
      for (const word of ['one', 'two', 'three']) {
        await write(`curl${route} ${word}`)
        await eventually(() => received.includes(`"body":"curl${route} ${word}"`))
      }
      await writeBurst('curl')
      await eventually(
        () => received.match(/"body":"curl \d+"/g)?.length ?? 0,
        (count) => count === BURST,
      )
      expect(headers.toLowerCase()).to.include('content-encoding: zstd')
      curl.kill()
    })
  }

  describe('that a proxy damages', () => {
    let forwarder: Forwarder
    const requests: string[] = []
    before(async () => {
      forwarder = await startForwarder(guest.origin, {
        respond({ url = '' }, { headers }) {
          if (!/stream/.test(url)) return
          requests.push(url)
          if (headers['content-encoding'] === 'zstd') return (chunk) => Buffer.alloc(chunk.length, 'x')
        },
      })
    })
    after(() => forwarder.close())

    it('is replaced by a plain one, and the page misses nothing', async () => {
      const context = await newContext()
      const page = await context.newPage()
      await page.goto(`${forwarder.origin}/public`)
      await write('in plain text')
      await page.locator('article.post', { hasText: 'in plain text' }).waitFor()
      await write('in plain text again')
      await page.locator('article.post', { hasText: 'in plain text again' }).waitFor()
      expect(requests[0]).not.to.include('plain')
      expect(requests.at(-1)).to.include('plain=1')
      await context.close()
    })
  })
})

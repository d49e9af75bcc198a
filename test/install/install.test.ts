import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import sharp from 'sharp'
import { makeIcons } from '../../src/assets/icons.ts'
import { useSite } from '../support/site.ts'

const folder = join(import.meta.dirname, '../../static')

describe('the web app manifest', () => {
  const { guest, people } = useSite({ people: ['ann'], env: { SITE_NAME: 'Ölberg & Co' } })

  it('has the name of the site, and icons that exist in the sizes that it names', async () => {
    const response = await guest.get('/manifest.webmanifest')
    expect(response.headers.get('content-type')).to.match(/^application\/manifest\+json/)
    const manifest = JSON.parse(response.text)
    expect(manifest).to.include({
      name: 'Ölberg & Co',
      short_name: 'Ölberg & Co',
      start_url: '/',
      scope: '/',
    })
    const sizes: string[] = []
    for (const { src, sizes: size, type, purpose = 'any' } of manifest.icons) {
      const icon = await fetch(guest.origin + src)
      expect(icon.headers.get('content-type'), src).to.equal(type)
      if (type === 'image/svg+xml') continue
      const { width, height } = await sharp(await icon.arrayBuffer()).metadata()
      expect(`${width}x${height}`, src).to.equal(size)
      sizes.push(`${purpose} ${size}`)
    }
    expect(sizes).to.have.members(['any 192x192', 'any 512x512', 'maskable 192x192', 'maskable 512x512'])
  })

  it('is linked from every page, with the icon of iOS and the colors of both themes', async () => {
    for (const reader of [guest, people.ann]) {
      const { text } = await reader.get('/', { accept: 'text/html' })
      expect(text).to.contain('<link rel="manifest" href="/manifest.webmanifest">')
      const icon = /<link rel="apple-touch-icon" href="([^"]+)">/.exec(text)?.[1]
      const { width, height, hasAlpha } = await sharp(
        await (await fetch(guest.origin + icon)).arrayBuffer(),
      ).metadata()
      expect([width, height, hasAlpha], 'iOS shows transparent parts in black').to.deep.equal([
        180,
        180,
        false,
      ])
      expect(
        [...text.matchAll(/<meta name="theme-color" content="(#\w+)" media="([^"]+)">/g)].map(
          ([, ...found]) => found,
        ),
      ).to.deep.equal([
        ['#ffffff', '(prefers-color-scheme: light)'],
        ['#181d23', '(prefers-color-scheme: dark)'],
      ])
    }
  })

  it('has icons that are made from the favicon', async () => {
    for (const { file, content } of await makeIcons()) {
      const pixels = (image: Buffer) => sharp(image).ensureAlpha().raw().toBuffer()
      const committed = await pixels(readFileSync(join(folder, 'icons', file)))
      expect(committed.equals(await pixels(content)), `${file}: run npm run icons`).to.equal(true)
    }
  })

  it('comes with a worker that browsers check at each visit', async () => {
    const worker = await guest.get('/sw.js')
    expect(worker.headers.get('content-type')).to.match(/^text\/javascript/)
    expect(worker.headers.get('cache-control')).to.equal('no-cache')
  })

  it('comes with an offline page that has nothing of the visitor', async () => {
    const [own, other] = [await people.ann.get('/offline'), await guest.get('/offline')]
    expect(own.text).to.equal(other.text).and.contain('Ölberg &amp; Co cannot be reached')
    expect(own.text).not.to.match(/csrf|<script/)
    expect(own.headers.getSetCookie()).to.deep.equal([])
  })
})

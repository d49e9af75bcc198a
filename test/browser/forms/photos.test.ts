import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { openAs } from '../../support/browser/open-as.ts'
import { phonePicture, picture } from '../../support/pictures.ts'
import { useSite } from '../../support/site.ts'

describe('a photo', () => {
  const {
    people: { ann },
    guest,
  } = useSite({ people: ['ann'] })
  let page: Page
  /** The bytes of each POST. */
  let sent: Promise<number>[]
  let files: string[]

  beforeEach(async () => {
    page = await openAs(ann, '/users/ann')
    sent = []
    files = []
    page.on('request', (request) => {
      if (request.method() === 'POST') sent.push(request.headerValue('content-length').then(Number))
      if (/build\/photo/.test(request.url())) files.push(request.url())
    })
    await page.goto(`${ann.origin}/settings/profile`)
  })
  afterEach(() => page.context().close())

  const choose = (name: string, buffer: Buffer, mimeType = 'image/jpeg') =>
    page.setInputFiles('[name=avatar]', { name, mimeType, buffer })
  const preview = () => page.locator('[data-preview] img[src^="blob:"]')
  async function avatar(): Promise<Buffer> {
    await page.getByText('Profile updated').waitFor()
    const src = await page.locator('[data-preview] img').getAttribute('src')
    const response = await fetch(guest.origin + src!.replace(/\/\d+$/, '/200'))
    return Buffer.from(await response.arrayBuffer())
  }

  it('of 10 MB is sent with less than 200 kB', async function () {
    this.timeout(60_000)
    const pixels = { width: 2400, height: 1500, channels: 3 as const }
    const photo = await sharp(randomBytes(2400 * 1500 * 3), { raw: pixels })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer()
    expect(photo.length).to.be.above(10_000_000)
    await choose('IMG_1.jpg', photo)
    await preview().waitFor()
    await page.click('button:has-text("Save")')
    expect((await sharp(await avatar()).metadata()).width).to.equal(200)
    expect(sent).to.have.length(1)
    expect(await sent[0]).to.be.within(1000, 200_000)
  })

  it('keeps the centre, upright', async () => {
    await choose('IMG_2.jpg', await phonePicture())
    await preview().waitFor()
    await page.click('button:has-text("Save")')
    const image = sharp(await avatar()).removeAlpha()
    const at = async (top: number) => [
      ...(await image.clone().extract({ left: 100, top, width: 1, height: 1 }).raw().toBuffer()),
    ]
    expect((await at(20))[0], 'the top is red').to.be.above(200)
    expect((await at(180))[2], 'the bottom is blue').to.be.above(200)
  })

  it('may be sent at once, before its preview is ready', async () => {
    await choose('IMG_3.png', await picture({ width: 3000, height: 2000, format: 'png' }), 'image/png')
    await page.click('button:has-text("Save")')
    expect((await avatar()).length).to.be.above(100)
    expect(await sent[0]).to.be.within(1000, 200_000)
  })

  it('that the browser cannot read is refused beside the field, without an upload, and the form stays', async () => {
    const heic = Buffer.concat([Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), randomBytes(3000)])
    await page.fill('[name=bio]', 'About me')
    for (const [name, file, message] of [
      [
        'IMG_4.heic',
        heic,
        /^This browser cannot read HEIC photos\. Choose a JPEG, PNG, WebP or GIF picture\.$/,
      ],
      ['IMG_5.jpg', Buffer.from('not a picture'), /^This browser cannot read this file\. Choose a JPEG/],
    ] as const) {
      await choose(name, file, '')
      const line = page.locator('#avatar-error[role=alert]')
      await line.filter({ hasText: message }).waitFor()
      expect(await page.locator('#avatar-hint').isVisible(), 'the error replaces the hint').to.equal(false)
      expect(await page.getAttribute('[name=avatar]', 'aria-describedby')).to.equal('avatar-error')
      expect(await page.evaluate(() => document.activeElement?.id)).to.equal('avatar')
    }
    expect(sent).to.deep.equal([])
    expect(await page.inputValue('[name=bio]')).to.equal('About me')
    await choose('IMG_6.jpg', await picture())
    await preview().waitFor()
    expect(await page.locator('#avatar-error').count()).to.equal(0)
    expect(await page.locator('#avatar-hint').isVisible()).to.equal(true)
  })

  it('stays in the form, with its preview, if the server refuses another field', async () => {
    await choose('IMG_7.jpg', await picture())
    await preview().waitFor()
    await page.fill('[name=username]', 'a b')
    await page.click('button:has-text("Save")')
    await page.locator('#username-error').waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal('username')
    expect(await preview().count()).to.equal(1)
    await page.fill('[name=username]', 'ann')
    await page.click('button:has-text("Save")')
    expect((await avatar()).length).to.be.above(100)
  })

  it('needs a module that loads only when a file is chosen', async () => {
    await page.locator('[name=name]').fill('Ann')
    expect(files).to.deep.equal([])
    await choose('IMG_8.jpg', await picture())
    await preview().waitFor()
    expect(files).to.have.length(1)
  })
})

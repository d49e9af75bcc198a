import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { expect } from 'chai'
import sharp from 'sharp'
import { createDb } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { createPictureUpkeep } from '../../src/pictures/pictures.ts'
import { useSite } from '../support/site.ts'
import { eventually } from '../support/eventually.ts'
import { client, type TestResponse, type Client } from '../support/http.ts'
import { avatarForm, phonePicture, picture } from '../support/pictures.ts'

describe('pictures', () => {
  /** The instance's folder for temporary files. */
  const temp = mkdtempSync(join(tmpdir(), 'koafeed-upload-'))
  const {
    database,
    instances,
    people: { ann },
  } = useSite({ people: ['ann'], env: { TMPDIR: temp } })
  afterEach('the temp folder is empty after every upload', () => {
    expect(readdirSync(temp)).to.deep.equal([])
  })
  after(() => rmSync(temp, { recursive: true, force: true }))

  const upload = (file: Buffer | string, options?: Parameters<typeof avatarForm>[2]) =>
    ann.post('/settings/profile', avatarForm(file, {}, options))
  const avatarOf = (answer: TestResponse): string => answer.json.user.avatar
  async function get(path: string, headers: Record<string, string> = {}) {
    const response = await fetch(instances[0]!.origin + path, { headers })
    return { response, bytes: Buffer.from(await response.arrayBuffer()) }
  }
  const count = async () =>
    (await database.query<{ n: number }>('select count(*)::int as n from images'))[0]?.n

  for (const format of ['jpeg', 'png', 'webp', 'gif'] as const) {
    it(`converts a ${format} to WebP squares of 50, 75 and 200 pixels, and of twice these sizes`, async () => {
      const answer = await upload(await picture({ format }), { type: `image/${format}` })
      expect(answer.status, answer.text).to.equal(200)
      for (const [variant, side] of Object.entries({
        '200': 200,
        '75': 75,
        '50': 50,
        '200@2x': 400,
        '75@2x': 150,
        '50@2x': 100,
      })) {
        const { response, bytes } = await get(`/images/${avatarOf(answer)}/${variant}`)
        expect(response.status, variant).to.equal(200)
        expect(response.headers.get('content-type')).to.equal('image/webp')
        const { width, height, format: stored } = await sharp(bytes).metadata()
        expect({ width, height, stored }).to.deep.equal({ width: side, height: side, stored: 'webp' })
      }
    })
  }

  it('keeps the centre, upright, and removes all metadata', async () => {
    const original = await phonePicture()
    expect((await sharp(original).metadata()).orientation).to.equal(6)
    const { bytes } = await get(`/images/${avatarOf(await upload(original))}/200`)
    const { exif, xmp, iptc, icc, orientation } = await sharp(bytes).metadata()
    expect({ exif, xmp, iptc, icc, orientation }).to.deep.equal({
      exif: undefined,
      xmp: undefined,
      iptc: undefined,
      icc: undefined,
      orientation: undefined,
    })
    expect(bytes.includes('canary-copyright')).to.equal(false)
    const at = async (left: number, top: number) => {
      const pixel = sharp(bytes).extract({ left, top, width: 1, height: 1 }).removeAlpha().raw()
      return [...(await pixel.toBuffer())]
    }
    const [red, , blue] = await at(100, 20)
    expect(red, 'the top').to.be.greaterThan(200).and.greaterThan(blue!)
    expect((await at(100, 180))[2], 'the bottom').to.be.greaterThan(200)
    expect((await at(20, 100))[0], 'the side').to.be.closeTo((await at(180, 100))[0]!, 60)
  })

  it('encodes every picture again, even a square of the right size', async () => {
    const original = await picture({ width: 200, height: 200, format: 'webp' })
    const { bytes } = await get(`/images/${avatarOf(await upload(original))}/200`)
    expect(bytes.equals(original)).to.equal(false)
  })

  it('lets caches keep a picture forever, and answers 304 to a revalidation', async () => {
    const path = `/images/${avatarOf(await upload(await picture()))}/50`
    const { response, bytes } = await get(path)
    expect(bytes.length).to.be.greaterThan(20)
    expect(response.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable')
    expect(response.headers.get('x-content-type-options')).to.equal('nosniff')
    expect(response.headers.get('content-security-policy')).to.equal("default-src 'none'; sandbox")
    expect(response.headers.getSetCookie()).to.deep.equal([])
    const etag = response.headers.get('etag') ?? ''
    const again = await get(path, { 'if-none-match': etag, 'cache-control': 'max-age=0' })
    expect(again.response.status).to.equal(304)
    expect(again.bytes).to.have.length(0)
  })

  it('answers 404 for a path without a picture', async () => {
    const hash = avatarOf(await upload(await picture()))
    for (const path of [
      `/images/${hash}/51`,
      `/images/${hash}/50@3x`,
      `/images/${hash}/__proto__`,
      `/images/${'0'.repeat(40)}/50`,
      `/images/${hash}%00/50`,
      '/images/..%2f..%2fpackage.json/50',
    ]) {
      expect((await get(path)).response.status, path).to.equal(404)
    }
  })

  it('deletes a picture that two users share when the second of them removes it', async () => {
    const bob = await client(instances[0]!.origin).register('bob')
    const file = await picture({ colour: '#27ae60' })
    const hash = avatarOf(await upload(file))
    expect(avatarOf(await bob.post('/settings/profile', avatarForm(file)))).to.equal(hash)
    expect(await count()).to.equal(6)
    await ann.post('/settings/profile', { remove_avatar: '1' })
    expect((await get(`/images/${hash}/50`)).response.status).to.equal(200)
    const gone = await bob.post('/settings/profile', { remove_avatar: '1' })
    expect(avatarOf(gone)).to.equal(null)
    expect(await count()).to.equal(0)
  })

  it('deletes in the upkeep the pictures that no user has, and keeps the others', async () => {
    const hash = avatarOf(await upload(await picture({ colour: '#8e44ad' })))
    await database.query(`
      insert into images (hash, variant, content_type, bytes)
      select lpad(to_hex(n), 40, '0'), variant, 'image/webp', '' from generate_series(1, 600) n, unnest('{50,75}'::text[]) variant`)
    const db = await createDb(database.url, { applicationName: 'test' })
    try {
      const upkeep = createPictureUpkeep()
      for (let run = 0; run < 3; run++) await createWrite(db)(upkeep)
    } finally {
      await db.end()
    }
    expect(await database.query('select distinct hash from images')).to.deep.equal([{ hash }])
  })

  describe('that are rejected, with nothing stored', () => {
    beforeEach(() => ann.post('/settings/profile', { remove_avatar: '1' }))
    afterEach(async () => expect(await count()).to.equal(0))

    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>'
    const others: [string, () => Promise<Buffer> | string][] = [
      ['an SVG', () => svg],
      ['HTML', () => '<!doctype html><script>alert(1)</script>'],
      ['a PDF', () => '%PDF-1.7\n'],
      ['a TIFF', () => picture({ format: 'tiff' })],
      ['an AVIF', () => picture({ format: 'avif' })],
      ['text', () => 'hello'],
    ]
    for (const [description, make] of others) {
      it(`answers 415 to ${description} that claims to be a JPEG`, async () => {
        const answer = await upload(await make())
        expect(answer.status).to.equal(415)
        expect(answer.json.error.fields.avatar).to.match(/JPEG, PNG, WebP or GIF/)
      })
    }

    it('answers 413 to a file over 5 MB, with and without Content-Length', async () => {
      const large = Buffer.concat([await picture(), Buffer.alloc(5 * 1024 * 1024)])
      expect((await upload(large)).status).to.equal(413)
      const boundary = 'xx'
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="avatar"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(head))
          controller.enqueue(new Uint8Array(large))
          controller.enqueue(new TextEncoder().encode(`\r\n--${boundary}--\r\n`))
          controller.close()
        },
      })
      const response = await fetch(`${instances[0]!.origin}/settings/profile`, {
        method: 'POST',
        body,
        duplex: 'half',
        headers: {
          accept: 'application/json',
          cookie: ann.cookie(),
          'x-csrf-token': await ann.csrf(),
          'content-type': `multipart/form-data; boundary=${boundary}`,
        },
      } as RequestInit)
      expect(response.status).to.equal(413)
    })

    it('answers 422 to a small file with a huge number of pixels', async () => {
      const bomb = await sharp({
        create: { width: 15_000, height: 15_000, channels: 3, background: '#fff' },
        limitInputPixels: false,
      })
        .png({ compressionLevel: 9 })
        .toBuffer()
      expect(bomb.length).to.be.lessThan(1024 * 1024)
      const answer = await upload(bomb, { type: 'image/png' })
      expect(answer.status).to.equal(422)
      expect(answer.json.error.fields.avatar).to.match(/25 megapixels/)
    }).timeout(60_000)

    it('answers 422 to a truncated picture', async () => {
      const whole = await picture({ width: 900, height: 900, format: 'png' })
      for (const broken of [
        whole.subarray(0, 60),
        whole.subarray(0, whole.length / 2),
        Buffer.from('GIF89a'),
      ]) {
        expect((await upload(broken)).status).to.equal(422)
      }
    })

    it('answers 4xx to a file in another field, two files, too many fields and a truncated form', async () => {
      const file = await picture()
      expect((await upload(file, { field: 'virus' })).status).to.equal(400)
      const two = avatarForm(file)
      two.append('avatar', new Blob([new Uint8Array(file)], { type: 'image/jpeg' }), 'b.jpg')
      expect((await ann.post('/settings/profile', two)).status).to.be.within(400, 422)
      const many = avatarForm(file, Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`f${i}`, 'x'])))
      expect((await ann.post('/settings/profile', many)).status).to.be.within(400, 413)
      for (const type of ['multipart/form-data', 'multipart/form-data; boundary=yy', 'multipart/mixed']) {
        const response = await fetch(`${instances[0]!.origin}/settings/profile`, {
          method: 'POST',
          body: '--xx\r\nContent-Disposition: form-data; name="avatar"; filename="a"\r\n\r\nhalf',
          headers: { cookie: ann.cookie(), 'x-csrf-token': await ann.csrf(), 'content-type': type },
        })
        expect(response.status, type).to.be.within(400, 422)
      }
    })

    it('survives an upload that the client aborts', async () => {
      const { hostname, port } = new URL(instances[0]!.origin)
      const socket = connect(Number(port), hostname)
      await once(socket, 'connect')
      socket.write(
        `POST /settings/profile HTTP/1.1\r\nHost: localhost\r\nCookie: ${ann.cookie()}\r\nX-CSRF-Token: ${await ann.csrf()}\r\n` +
          'Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n',
      )
      await once(socket, 'data') // 100 Continue, which comes before the instance has loaded the session
      socket.write(
        '--xx\r\nContent-Disposition: form-data; name="avatar"; filename="a"\r\nContent-Type: image/jpeg\r\n\r\nhalf',
        () => socket.destroy(),
      )
      await eventually(() => instances[0]!.logs().includes('"path":"/settings/profile","status":400'))
      expect((await ann.get('/')).status).to.equal(200)
    })

    it('answers 403 without a token and keeps the picture', async () => {
      const answer = await ann.post('/settings/profile', avatarForm(await picture()), { csrf: null })
      expect(answer).to.include({ status: 403 })
      expect(answer.json.error.message).to.equal('Invalid POST contents')
    })

    it('answers 401 to anonymous visitors', async () => {
      const guest = client(instances[0]!.origin)
      const answer = await guest.post('/settings/profile', avatarForm(await picture()))
      expect(answer.status).to.equal(401)
    })
  })

  it('shows the form again after a rejected picture, with what was typed', async () => {
    const form = avatarForm('not a picture', { name: 'Ann of the form', username: 'ann', bio: 'typed bio' })
    const answer = await ann.post('/settings/profile', form, { type: 'form' })
    expect(answer.status).to.equal(415)
    expect(answer.text)
      .to.contain('Ann of the form')
      .and.to.contain('typed bio')
      .and.to.contain('avatar-error')
  })

  describe('that are uploaded at the same time', () => {
    const people: Client[] = []
    const sockets: Socket[] = []
    before(async () => {
      for (let n = 0; n < 8; n++) people.push(await client(instances[0]!.origin).register(`person${n}`))
    })
    afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()))

    /** Sends the beginning of an upload; `text` returns the response so far. */
    async function begin(person: Client): Promise<{ text: () => string }> {
      const { hostname, port } = new URL(instances[0]!.origin)
      const socket = connect(Number(port), hostname)
      sockets.push(socket)
      let text = ''
      socket.on('data', (chunk) => (text += String(chunk))).on('error', () => {})
      socket.write(
        `POST /settings/profile HTTP/1.1\r\nHost: localhost\r\nCookie: ${person.cookie()}\r\n` +
          `X-CSRF-Token: ${await person.csrf()}\r\nAccept: application/json\r\nContent-Length: 1000000\r\n` +
          'Content-Type: multipart/form-data; boundary=xx\r\n\r\n--xx\r\n',
      )
      return { text: () => text }
    }
    const save = (person: Client, file: Buffer) => person.post('/settings/profile', avatarForm(file))

    it('are limited to two per person: more get 429, and other people are not affected', async () => {
      const [mallory, bob] = people as [Client, Client]
      const unfinished = await Promise.all(Array.from({ length: 20 }, () => begin(mallory)))
      const rejected = () => unfinished.filter(({ text }) => text().startsWith('HTTP/1.1 429 ')).length
      await eventually(rejected, (count) => count === 18, { what: '18 rejections' })
      expect((await save(mallory, await picture())).status).to.equal(429)
      expect((await save(bob, await picture())).status).to.equal(200)
      sockets.splice(0).forEach((socket) => socket.destroy())
      await eventually(
        async () => (await save(mallory, await picture())).status,
        (status) => status === 200,
      )
    })

    it('get 503 when the instance already reads as many as it can', async () => {
      const [bob, ...others] = people as [Client, ...Client[]]
      const unfinished = await Promise.all(others.flatMap((person) => [begin(person), begin(person)]))
      const rejected = () => unfinished.filter(({ text }) => text().startsWith('HTTP/1.1 503 ')).length
      await eventually(rejected, (count) => count === 2, { what: 'two rejections' })
      const answer = await save(bob, await picture())
      expect(answer.status).to.equal(503)
      expect(Number(answer.headers.get('retry-after'))).to.be.greaterThan(0)
      expect((await bob.post('/settings/profile', { bio: 'no file' })).status).to.equal(200)
    })
  })
})

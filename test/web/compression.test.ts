import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { startInstance } from '../support/servers/instance.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

const DECODERS = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  identity: (body: Buffer) => body,
}

describe('compression', () => {
  const { people, guest, database, instances } = useSite({ people: ['ann', 'bob'] })
  before(async () => {
    await people.ann.post('/posts', { body: 'a secret that repeats itself '.repeat(40) })
    await people.bob.post('/users/ann/follow')
  })

  /** Sends a request without changing or decoding anything. */
  async function send(path: string, headers: Record<string, string>, options: object = {}): Promise<Answer> {
    const sent = request(new URL(path, guest.origin), {
      headers: { accept: 'text/html', ...headers },
      ...options,
    })
    sent.end()
    const [response] = await once(sent, 'response')
    const chunks: Buffer[] = await response.toArray()
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }
  }
  const asBob = (more: Record<string, string> = {}) => ({ cookie: people.bob.cookie(), ...more })
  const decode = ({ headers, body }: Answer) =>
    DECODERS[(headers['content-encoding'] ?? 'identity') as keyof typeof DECODERS](body).toString()
  const withoutToken = (text: string) =>
    text
      .trimEnd()
      .replace(/[\w-]{64}/g, 'token')
      .replace(/[\w-]{36}/g, 'key')

  for (const [accept, expected] of [
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['zstd;q=0, gzip', 'gzip'],
    ['*', 'zstd'],
    ['deflate', undefined],
    ['identity', undefined],
    ['', undefined],
  ] as const) {
    it(`sends ${expected ?? 'plain text'} to a client that accepts “${accept}”`, async () => {
      for (const [path, headers] of [
        ['/', asBob()],
        ['/', asBob({ accept: 'application/json' })],
        ['/public', {}],
      ] as const) {
        const plain = await send(path, headers)
        const answer = await send(path, { ...headers, 'accept-encoding': accept })
        expect(answer.headers['content-encoding'], path).to.equal(expected)
        expect(answer.headers.vary).to.match(/\baccept-encoding\b/i)
        expect(answer.headers['content-length']).to.equal(String(answer.body.length))
        expect(withoutToken(decode(answer))).to.equal(withoutToken(plain.body.toString()))
        if (expected) expect(answer.body.length).to.be.below(plain.body.length / 2)
        const head = await send(path, { ...headers, 'accept-encoding': accept }, { method: 'HEAD' })
        expect(head.headers['content-encoding']).to.equal(expected)
      }
    })
  }

  const gzip = { 'accept-encoding': 'gzip' }

  it('leaves out pages that contain a part of the request, and errors', async () => {
    for (const path of [
      '/?guess=token',
      '/login?next=/guess',
      '/groups?mine=true&guess=1',
      '/posts/404',
      '/users/nobody1',
    ])
      expect((await send(path, { ...asBob(), ...gzip })).headers, path).not.to.include.keys(
        'content-encoding',
      )
    const before = (await people.bob.get('/')).json.before ?? ''
    const older = await send(`/?before=${encodeURIComponent(before)}`, { ...asBob(), ...gzip })
    expect(older.headers['content-encoding']).to.equal('gzip')
    const csrf = await people.bob.csrf()
    const posted = await send(
      '/posts',
      {
        ...asBob(),
        ...gzip,
        'x-csrf-token': csrf,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      { method: 'POST' },
    )
    expect(posted.headers).not.to.include.keys('content-encoding')
  })

  it('gives private pages a random length, and each response another token', async () => {
    const lengths = new Set<number>()
    const tokens = new Set<string>()
    for (let n = 0; n < 20; n++) {
      const answer = await send('/', { ...asBob(), ...gzip })
      lengths.add(answer.body.length)
      const found = new Set(
        [...decode(answer).matchAll(/csrf[_-]token" (?:value|content)="([^"]+)"/g)].map(
          ([, token]) => token!,
        ),
      )
      expect(found.size, 'one token per response').to.equal(1)
      for (const token of found) tokens.add(token)
    }
    expect(lengths.size).to.be.above(5)
    expect(tokens.size).to.equal(20)
    for (const csrf of tokens)
      expect((await people.bob.post('/posts', { body: 'x' }, { csrf })).status).to.equal(201)
  })

  it('accepts the plain token, which pages of the previous release have', async () => {
    const masked = Buffer.from(await people.bob.csrf(), 'base64url')
    const half = masked.length / 2
    const plain = Buffer.from(masked.subarray(0, half).map((byte, i) => byte ^ masked[half + i]!))
    const csrf = plain.toString('base64url')
    expect((await people.bob.post('/posts', { body: 'x' }, { csrf })).status).to.equal(201)
    expect((await people.ann.post('/posts', { body: 'x' }, { csrf })).status, 'of another session').to.equal(
      403,
    )
  })

  it('sends files as the build has compressed them, each with its own ETag', async () => {
    const [, path = ''] =
      /href="(\/build\/app-[\w-]{8}\.css)"/.exec((await send('/', {})).body.toString()) ?? []
    const plain = await send(path, {})
    const etags = new Set([plain.headers.etag])
    for (const encoding of ['br', 'gzip'] as const) {
      const answer = await send(path, { 'accept-encoding': encoding })
      expect(answer.headers['content-encoding']).to.equal(encoding)
      expect(answer.headers['content-type']).to.contain('text/css')
      expect(answer.headers.vary).to.match(/\baccept-encoding\b/i)
      expect(answer.headers['cache-control']).to.contain('immutable')
      expect(decode(answer)).to.equal(plain.body.toString())
      etags.add(answer.headers.etag)
      const again = await send(path, { 'accept-encoding': encoding, 'if-none-match': answer.headers.etag! })
      expect(again.status).to.equal(304)
    }
    expect(etags.size).to.equal(3)
  })

  it('is off with COMPRESSION=off', async () => {
    const plain = await startInstance({ databaseUrl: database.url, env: { COMPRESSION: 'off' } })
    const at = { host: 'localhost', port: new URL(plain.origin).port }
    for (const path of ['/', '/public', '/build/app.css']) {
      const answer = await send(path, { 'accept-encoding': 'gzip, br, zstd' }, at)
      expect(answer.headers, path).not.to.include.keys('content-encoding')
      expect(answer.headers.vary ?? '').not.to.match(/encoding/i)
    }
    expect(instances).to.have.length(1)
  })
})

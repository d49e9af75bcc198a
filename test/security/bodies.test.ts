import { brotliCompressSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

describe('a compressed body', () => {
  const database = useDatabase()
  let instance: Instance
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
  })

  const text = Buffer.from(JSON.stringify({ username: 'x'.repeat(1_000_000), password: 'x' }))
  const bodies: [string, string, Buffer][] = [
    ['a gzip bomb', 'gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['a brotli bomb', 'br', brotliCompressSync(text)],
    ['truncated brotli', 'br', brotliCompressSync(text).subarray(0, 20)],
    ['truncated gzip', 'gzip', gzipSync(text).subarray(0, 40)],
    ['invalid brotli', 'br', Buffer.from('{}')],
    ['one byte of brotli', 'br', Buffer.from('a')],
    ['invalid deflate', 'deflate', Buffer.from('a'.repeat(70_000))],
  ]
  for (const [description, encoding, body] of bodies) {
    it(`gets 415 and does not crash the instance: ${description}`, async () => {
      for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
        for (let n = 0; n < 5; n++) {
          const response = await fetch(`${instance.origin}/login`, {
            method: 'POST',
            body: new Uint8Array(body),
            headers: { 'content-type': type, 'content-encoding': encoding },
          })
          expect(response.status).to.equal(415)
        }
      }
      expect((await fetch(`${instance.origin}/livez`)).status).to.equal(200)
    })
  }
})

describe('a body that is not UTF-8', () => {
  const database = useDatabase()
  let ann: Client
  before(async () => {
    const instance = await startInstance({ databaseUrl: database.url })
    ann = await client(instance.origin).register('ann')
  })

  async function send(path: string, type: string, body: string): Promise<number> {
    const response = await fetch(ann.origin + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': type, cookie: ann.cookie(), 'x-csrf-token': await ann.csrf() },
      body,
    })
    return response.status
  }
  const kinds: [string, string, string, string, number][] = [
    ['a form', '/posts', 'application/x-www-form-urlencoded', 'body=hello', 303],
    ['JSON', '/posts', 'application/json', '{"body":"hello"}', 303],
    [
      'a form with files',
      '/settings/profile',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="bio"\r\n\r\nhello\r\n--x--\r\n',
      303,
    ],
  ]
  for (const [kind, path, type, body, accepted] of kinds) {
    for (const charset of ['iso-8859-1', 'windows-1252', 'utf-16', '"UTF-7"', 'utf-8x', 'utf-8"', '"utf-8']) {
      it(`rejects ${kind} with charset=${charset}`, async () => {
        expect(await send(path, `${type}; charset=${charset}`, body)).to.equal(415)
      })
    }
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"', 'utf8']) {
      it(`accepts ${kind} with charset=${charset}`, async () => {
        expect(await send(path, `${type}; charset=${charset}`, body)).to.equal(accepted)
      })
    }
  }
})

import { brotliCompressSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { startInstance, type Instance } from '../support/instance.ts'

describe('a body that is packed', () => {
  const database = useDatabase()
  let instance: Instance
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
  })

  const text = Buffer.from(JSON.stringify({ username: 'x'.repeat(1_000_000), password: 'x' }))
  const bodies: [string, string, Buffer][] = [
    ['a gzip bomb', 'gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['a brotli bomb', 'br', brotliCompressSync(text)],
    ['brotli that breaks off', 'br', brotliCompressSync(text).subarray(0, 20)],
    ['gzip that breaks off', 'gzip', gzipSync(text).subarray(0, 40)],
    ['brotli that is none', 'br', Buffer.from('{}')],
    ['one byte of brotli', 'br', Buffer.from('a')],
    ['deflate that is none', 'deflate', Buffer.from('a'.repeat(70_000))],
  ]
  for (const [what, encoding, body] of bodies) {
    it(`(${what}) is refused, and ends no instance`, async () => {
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

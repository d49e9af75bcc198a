import { check, checkEqual, type Case } from '../case.ts'

const ZSTD = { 'accept-encoding': 'zstd' }
const FIRST_BLOCK = /^retry: ?(\d+)\r?\nid: ?(\d+)\r?\n\r?\n/

/** What is answered before the first event: status, headers, the first block, beats. */
export const openingCases: Case[] = [
  {
    name: 'a stream has the headers of an event stream that nobody may store, change or buffer',
    async run({ bob }) {
      const { headers } = await bob.stream('/stream')
      check(
        /^text\/event-stream\b/.test(headers['content-type'] ?? ''),
        `Content-Type: ${headers['content-type']}`,
      )
      for (const directive of ['no-cache', 'no-transform'])
        check(headers['cache-control']?.includes(directive), `Cache-Control: ${headers['cache-control']}`)
      // A proxy that obeys this header removes it.
      checkEqual(headers['x-accel-buffering'] ?? 'no', 'no', 'X-Accel-Buffering')
    },
  },
  {
    name: 'the first block has retry and id, and arrives at once',
    async run({ bob }) {
      const { seq } = (await bob.get('/')).json
      const stream = await bob.stream('/stream')
      await stream.received('the first block', (text) => /\r?\n\r?\n/.test(text))
      const [, retry, id] = FIRST_BLOCK.exec(stream.text()) ?? []
      check(id !== undefined, `it is ${JSON.stringify(stream.text().slice(0, 100))}`)
      check(Number(retry) >= 2000 && Number(retry) <= 8000, `retry is ${retry}, not 2,000 to 8,000`)
      check(BigInt(id) >= BigInt(seq), `it starts at ${id}, before the page that was read, ${seq}`)
    },
  },
  {
    name: 'a stream is not compressed for a client that asks for no compression, or for gzip',
    async run({ bob }) {
      for (const headers of [{}, { 'accept-encoding': 'gzip, deflate, br' }]) {
        const stream = await bob.stream('/stream', { headers })
        checkEqual(stream.headers['content-encoding'] ?? 'identity', 'identity', 'Content-Encoding')
      }
    },
  },
  {
    name: 'a stream is compressed by zstd only where the client asks for it',
    async run({ bob }) {
      const stream = await bob.stream('/stream', { headers: ZSTD })
      const encoding = stream.headers['content-encoding'] ?? 'identity'
      check(['identity', 'zstd'].includes(encoding), `Content-Encoding: ${encoding}`)
      const refusals: [path: string, accepted: string][] = [
        ['/stream', 'zstd;q=0, gzip'],
        ['/stream?plain=1', 'zstd'],
      ]
      for (const [path, accepted] of refusals) {
        const plain = await bob.stream(path, { headers: { 'accept-encoding': accepted } })
        checkEqual(plain.headers['content-encoding'] ?? 'identity', 'identity', `Content-Encoding of ${path}`)
      }
    },
  },
  {
    name: 'HEAD has the encoding of GET, and both say that it depends on the request',
    async run({ anonymous }) {
      for (const method of ['GET', 'HEAD']) {
        const compressed = await anonymous.stream('/public/stream', { method, headers: ZSTD })
        const plain = await anonymous.stream('/public/stream', { method })
        checkEqual(
          plain.headers['content-encoding'] ?? 'identity',
          'identity',
          `Content-Encoding of ${method}`,
        )
        if (compressed.headers['content-encoding'] === undefined) continue
        checkEqual(compressed.headers['content-encoding'], 'zstd', `Content-Encoding of ${method}`)
        for (const { headers } of [compressed, plain])
          check(/\baccept-encoding\b/i.test(headers.vary ?? ''), `Vary of ${method}: ${headers.vary}`)
      }
    },
  },
  {
    name: 'HEAD is answered with the headers and without a body',
    async run({ anonymous }) {
      const stream = await anonymous.stream('/public/stream', { method: 'HEAD' })
      check(/^text\/event-stream\b/.test(stream.headers['content-type'] ?? ''), 'not the headers of a stream')
      await stream.ended()
      checkEqual(stream.text(), '', 'the body')
    },
  },
  {
    name: 'the home stream is refused with 401 to anonymous visitors, who get the public one',
    async run({ anonymous }) {
      await anonymous.stream('/stream', { status: 401 })
      await anonymous.stream('/public/stream')
    },
  },
  {
    name: 'the stream of a page that does not exist is refused with 404',
    async run({ bob, newName }) {
      for (const path of [
        `/users/${newName()}`,
        `/groups/${newName()}`,
        '/posts/9007199254740000',
        '/posts/0',
      ])
        await bob.stream(`${path}/stream`, { status: 404 })
      await bob.stream(`/users/${bob.username}/stream`)
    },
  },
  {
    name: 'a request from another site is refused with 403',
    async run({ bob }) {
      await bob.stream('/stream', { headers: { 'sec-fetch-site': 'cross-site' }, status: 403 })
      await bob.stream('/stream', { headers: { 'sec-fetch-site': 'same-origin' } })
    },
  },
  {
    name: 'an unknown kind of page in with= is refused with 400',
    async run({ bob }) {
      await bob.stream('/stream?with=nonsense', { status: 400 })
      await bob.stream(`/stream?with=users/${bob.username}`)
    },
  },
  {
    name: 'a beat with an id follows 15 s of silence',
    slow: true,
    async run({ cleo }) {
      const stream = await cleo.stream(`/users/${cleo.username}/stream`)
      await stream.received('the first block', (text) => FIRST_BLOCK.test(text))
      const start = stream.lastId()!
      const { id, data } = await stream.next('a beat', ({ event }) => event === 'beat', 40_000)
      check(id !== undefined && BigInt(id) >= BigInt(start), `the id of the beat is ${id} after ${start}`)
      checkEqual(data, {}, 'the data of the beat')
    },
  },
]

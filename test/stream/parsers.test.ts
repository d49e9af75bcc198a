import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import fc from 'fast-check'
import { encode, type EventSourceMessage } from 'eventsource-encoder'
import {
  chromium,
  eventSourceParser,
  npmEventSource,
  undici,
  type ParsedEvent,
  type StreamReader,
} from '../support/streams/parsers.ts'
import { useSite } from '../support/site.ts'

/** Data of events: JSON as the service sends it, and any other text, to test the encoding. */
const text = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
  fc
    .array(fc.string({ unit: 'grapheme', maxLength: 20 }), { minLength: 1, maxLength: 6 })
    .map((lines) => `x${lines.join('\n')}`),
  fc.constantFrom(
    'data: x',
    ': not a comment',
    'a\r\nb\rc\nd',
    ' leads with a space',
    '\u2028\u2029\u0085',
    '\ufefftext',
    'id: 7\n\nevent: y',
  ),
)
const field: fc.Arbitrary<EventSourceMessage & { data: string }> = fc.record(
  {
    retry: fc.nat({ max: 60_000 }),
    id: fc.nat(),
    event: fc.constantFrom('post', 'comment', 'like', 'user', 'reset', 'beat'),
    data: text,
  },
  { requiredKeys: ['id', 'data'] },
)
const stream = fc.record({
  fields: fc.array(field, { minLength: 1, maxLength: 12 }),
  /** Positions at which the bytes are split, as fractions of their length. */
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
})

describe('an event stream', () => {
  const { people } = useSite({ people: ['ann'] })
  const inTestPage = chromium('/')
  const inSitePage = chromium('/livez')
  const readers: [string, StreamReader, StreamReader, number][] = [
    ['undici’s EventSource', undici, undici, 60],
    ['EventSource of npm', npmEventSource, npmEventSource, 60],
    ['eventsource-parser', eventSourceParser, eventSourceParser, 60],
    ['Chromium', inTestPage.read, inSitePage.read, 25],
  ]
  let server: Server
  let chunks: Buffer[] = []

  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/stream') void send(response, chunks)
      else response.setHeader('Content-Type', 'text/html').end('<!doctype html>')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(async () => {
    await Promise.all([inTestPage.close(), inSitePage.close()])
    server.closeAllConnections()
    server.close()
  })

  for (const [name, read, , numRuns] of readers) {
    it(`is parsed correctly by ${name}, wherever its bytes are split`, async function () {
      this.timeout(60_000)
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`
      await fc.assert(
        fc.asyncProperty(stream, async ({ fields, cuts }) => {
          chunks = split(Buffer.from(fields.map(encode).join('')), cuts)
          expect(await read(url, fields.length)).to.deep.equal(fields.map(expected))
        }),
        { numRuns },
      )
    })
  }

  it('of an instance gives every parser the same events', async () => {
    const { ann } = people
    const { seq } = (await ann.get('/')).json
    const bodies = fc.sample(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).filter((body) => /\p{L}/u.test(body)),
      12,
    )
    const sent: string[] = []
    for (const body of [...bodies, 'two\nlines', 'a\r\nb', '\u2028', '"\\', '\u{1f980}'.repeat(4_990)]) {
      const { status, json } = await ann.post('/posts', { body: `_${body}_` })
      expect(status).to.equal(201)
      sent.push(json.post.body)
    }
    const url = `${ann.origin}/public/stream?after=${seq}`
    const read = await Promise.all(readers.map(([, , reader]) => reader(url, sent.length)))
    expect(read[0]!.map(({ data }) => JSON.parse(data).post.body)).to.deep.equal(sent)
    for (const other of read.slice(1)) expect(other).to.deep.equal(read[0])
  })
})

function expected({ id, event, data }: EventSourceMessage & { data: string }): ParsedEvent {
  return { id: String(id), event: event ?? 'message', data: data.replace(/\r\n|\r/g, '\n') }
}

function split(bytes: Buffer, cuts: number[]): Buffer[] {
  const positions = [
    0,
    ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b),
    bytes.length,
  ]
  return positions.slice(1).map((end, n) => bytes.subarray(positions[n], end))
}

/** Sends each chunk separately. The stream stays open until the reader closes it. */
async function send(response: ServerResponse, chunks: Buffer[]): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.socket?.setNoDelay(true)
  for (const chunk of chunks) {
    if (chunk.length === 0) continue
    await new Promise((resolve) => response.write(chunk, resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Holds the streams of clients: a process of its own, which `streams.ts` starts on the core of the load. */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { StreamReport, StreamRequest } from './streams.ts'

interface Stream {
  socket: Socket
  isOpen: boolean
  /** When the awaited text arrived, on the clock of the machine; 0 before that. */
  arrivedAt: number
  /** The end of the last read, because the text may be split between two. */
  tail: string
}

/** Opened at once; a larger number overflows the queue of connections that wait for the server. */
const AT_ONCE = 100
const MAX_TEXT = 40

const streams: Stream[] = []
let closed = 0
let bytes = 0
let reads = 0
/** The event that is measured. */
let awaited: Buffer | null = null
let missing = 0
let onComplete = (): void => {}
/** All sockets read into the same memory, because each read is complete before the next starts. */
const buffer = Buffer.allocUnsafe(256 * 1024)
/** The first event, or the comment of nchan. */
const FIRST_EVENT = /(^|\n)(id|): /

process.on('message', (request: StreamRequest) => {
  run(request).then(
    (report) => process.send?.({ report }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
process.on('disconnect', () => process.exit())

async function run(request: StreamRequest): Promise<StreamReport> {
  if (request.do === 'open') await openAll(request.port, request.requests)
  if (request.do === 'await') startToAwait(request.text)
  if (request.do === 'arrivals') await waitForArrivals(request.seconds)
  if (request.do === 'close') closeAll()
  const { user, system } = process.cpuUsage()
  return {
    open: streams.length - closed,
    bytes,
    reads,
    cpuSeconds: (user + system) / 1e6,
    arrivals: request.do === 'arrivals' ? streams.map(({ arrivedAt }) => arrivedAt) : [],
  }
}

async function openAll(port: number, requests: string[]): Promise<void> {
  for (let start = 0; start < requests.length; start += AT_ONCE) {
    const group = requests.slice(start, start + AT_ONCE).map((request) => open(port, request))
    for (const end = Date.now() + 30_000; group.some(({ isOpen }) => !isOpen); await pause(1)) {
      if (Date.now() > end)
        throw new Error(`${group.filter(({ isOpen }) => !isOpen).length} streams do not open`)
      if (closed > 0) throw new Error('The server closed a stream.')
    }
  }
}

/** A stream is open when it has its first event. */
function open(port: number, request: string): Stream {
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer,
      callback(length) {
        bytes += length
        reads++
        const chunk = buffer.subarray(0, length)
        if (!stream.isOpen) stream.isOpen = FIRST_EVENT.test(chunk.toString('latin1'))
        else if (awaited !== null && stream.arrivedAt === 0) search(stream, chunk, awaited)
        return true
      },
    },
  })
  const stream: Stream = { socket, isOpen: false, arrivedAt: 0, tail: '' }
  socket.on('connect', () => socket.write(request))
  socket.on('error', () => {})
  socket.on('close', () => closed++)
  streams.push(stream)
  return stream
}

function search(stream: Stream, chunk: Buffer, text: Buffer): void {
  const seam = stream.tail + chunk.toString('latin1', 0, MAX_TEXT)
  if (chunk.includes(text) || seam.includes(text.toString('latin1'))) noteArrival(stream)
  else
    stream.tail = (stream.tail + chunk.toString('latin1', Math.max(0, chunk.length - MAX_TEXT))).slice(
      -MAX_TEXT,
    )
}

function noteArrival(stream: Stream): void {
  stream.arrivedAt = performance.timeOrigin + performance.now()
  if (--missing === 0) onComplete()
}

function startToAwait(text: string): void {
  awaited = Buffer.from(text)
  missing = streams.length
  for (const stream of streams) Object.assign(stream, { arrivedAt: 0, tail: '' })
}

async function waitForArrivals(seconds: number): Promise<void> {
  if (missing === 0) return
  const complete = new Promise<void>((resolve) => (onComplete = resolve))
  await Promise.race([complete, pause(seconds * 1_000)])
  if (missing > 0) throw new Error(`${missing} of ${streams.length} streams have not got the event`)
}

function closeAll(): void {
  for (const { socket } of streams) socket.removeAllListeners('close').destroy()
  streams.length = 0
  closed = 0
  bytes = 0
  reads = 0
}

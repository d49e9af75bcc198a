import { EventSource as NpmEventSource } from 'eventsource'
import { createParser } from 'eventsource-parser'
import type { Page } from 'playwright-core'
import { EventSource as UndiciEventSource } from 'undici'
import { newContext } from '../browser/chromium.ts'

/** An event as a parser returns it. */
export interface ParsedEvent {
  id: string
  event: string
  data: string
}

/** Connects, and resolves with the first `count` events. */
export type StreamReader = (url: string, count: number) => Promise<ParsedEvent[]>

/** EventSource delivers only the events whose names have a listener. */
const names = ['message', 'post', 'comment', 'like', 'user', 'reset', 'beat']

const TIMEOUT_MS = 10_000

interface AnyEventSource {
  // oxlint-disable-next-line typescript/no-explicit-any
  addEventListener(name: string, listener: (event: any) => void): void
  close(): void
}

export const undici: StreamReader = (url, count) => collect(new UndiciEventSource(url), count)

export const npmEventSource: StreamReader = (url, count) => collect(new NpmEventSource(url), count)

export const eventSourceParser: StreamReader = async (url, count) => {
  const abort = new AbortController()
  const response = await fetch(url, {
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  })
  const events: ParsedEvent[] = []
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent: ({ id = '', event = 'message', data }) => void events.push({ id, event, data }),
  })
  for await (const chunk of response.body!) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (events.length >= count) break
  }
  abort.abort()
  return events
}

/** Reads with the EventSource of Chromium, in the page at path `page` of the stream's site. */
export function chromium(page: string): { read: StreamReader; close(): Promise<void> } {
  let tab: Promise<Page> | null = null
  return {
    async read(url, count) {
      tab ??= newContext().then((context) => context.newPage())
      const open = await tab
      const { origin } = new URL(url)
      if (!open.url().startsWith(origin)) await open.goto(new URL(page, origin).href)
      return open.evaluate(
        ({ url, count, names, timeout }) =>
          new Promise<ParsedEvent[]>((resolve, reject) => {
            const events: ParsedEvent[] = []
            const source = new EventSource(url)
            setTimeout(() => reject(new Error(`only ${events.length} of ${count} events arrived`)), timeout)
            for (const name of names) {
              source.addEventListener(name, ({ lastEventId: id, type: event, data }: MessageEvent) => {
                if (events.push({ id, event, data }) < count) return
                source.close()
                resolve(events)
              })
            }
          }),
        { url, count, names, timeout: TIMEOUT_MS },
      )
    },
    async close() {
      await (await tab)?.context().close()
    },
  }
}

function collect(source: AnyEventSource, count: number): Promise<ParsedEvent[]> {
  const events: ParsedEvent[] = []
  const { promise, resolve, reject } = Promise.withResolvers<ParsedEvent[]>()
  const timer = setTimeout(
    () => reject(new Error(`only ${events.length} of ${count} events arrived`)),
    TIMEOUT_MS,
  )
  for (const name of names) {
    source.addEventListener(name, ({ lastEventId: id, type: event, data }) => {
      if (events.push({ id, event, data }) >= count) resolve(events)
    })
  }
  return promise.finally(() => {
    clearTimeout(timer)
    source.close()
  })
}

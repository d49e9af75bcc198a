import { EventSource as NpmEventSource } from 'eventsource'
import { createParser } from 'eventsource-parser'
import type { Page } from 'playwright-core'
import { EventSource as UndiciEventSource } from 'undici'
import { newContext } from './chromium.ts'

/** An event as a program that reads the stream sees it. */
export interface ParsedEvent {
  id: string
  event: string
  data: string
}

/** Connects, and resolves with the first `count` events once they are there. */
export type StreamReader = (url: string, count: number) => Promise<ParsedEvent[]>

/** The names that a program has to listen for; EventSource gives nothing else away. */
const names = ['message', 'post', 'comment', 'like', 'user', 'reset', 'beat']

const PATIENCE_MS = 10_000

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
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(PATIENCE_MS)]),
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

/** Reads in a page of the stream's own site; `page` is a path there that answers with any page. */
export function chromium(page: string): { read: StreamReader; close(): Promise<void> } {
  let tab: Promise<Page> | null = null
  return {
    async read(url, count) {
      tab ??= newContext().then((context) => context.newPage())
      const open = await tab
      const { origin } = new URL(url)
      if (!open.url().startsWith(origin)) await open.goto(new URL(page, origin).href)
      return open.evaluate(
        ({ url, count, names, patience }) =>
          new Promise<ParsedEvent[]>((resolve, reject) => {
            const events: ParsedEvent[] = []
            const source = new EventSource(url)
            setTimeout(() => reject(new Error(`only ${events.length} of ${count} events came`)), patience)
            for (const name of names) {
              source.addEventListener(name, ({ lastEventId: id, type: event, data }: MessageEvent) => {
                if (events.push({ id, event, data }) < count) return
                source.close()
                resolve(events)
              })
            }
          }),
        { url, count, names, patience: PATIENCE_MS },
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
    () => reject(new Error(`only ${events.length} of ${count} events came`)),
    PATIENCE_MS,
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

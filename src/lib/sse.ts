/**
 * The wire format of server-sent events.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface SseFields {
  /** Milliseconds that the client waits before it connects again. */
  retry?: number
  id?: number
  /** One line. */
  event?: string
  /** Any text; each of its lines becomes a data line. */
  data?: string
}

/** One block of the stream. Without `data` it moves the client's cursor and its delay, and dispatches nothing. */
export function encodeSse({ retry, id, event, data }: SseFields): string {
  let block = ''
  if (retry !== undefined) block += `retry: ${retry}\n`
  if (id !== undefined) block += `id: ${id}\n`
  if (event !== undefined) block += `event: ${oneLine(event)}\n`
  if (data !== undefined)
    block += data
      .split(/\r\n|\r|\n/)
      .map((line) => `data: ${line}\n`)
      .join('')
  return `${block}\n`
}

function oneLine(text: string): string {
  if (/[\r\n]/.test(text)) throw new RangeError('an event name with a line break would end the field')
  return text
}

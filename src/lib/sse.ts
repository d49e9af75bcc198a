/**
 * The fields of a server-sent event.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface SseFields {
  /** Milliseconds that the client waits before it reconnects. */
  retry?: number
  id?: number
  /** Must not contain a line break. */
  event?: string
  /** Any text. Each of its lines becomes one `data:` line. */
  data?: string
}

/**
 * Encodes one event. Without `data`, the client stores `id` and `retry`, but dispatches no event.
 * @throws RangeError if `event` contains a line break
 */
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
  if (/[\r\n]/.test(text)) throw new RangeError('the event name must not contain a line break')
  return text
}

/** One block of a stream, as an EventSource parses it. */
export interface Block {
  bytes: number
  retry: number | null
  id: number | null
  /** Empty if the block dispatches no event. */
  event: string
  payload: EventPayload
}

export interface EventPayload {
  id?: string
  action?: string
  post?: { id: string; body?: string; comments?: { id: string; body: string }[] }
  comment?: { id: string; body?: string }
}

/** Many clients get the same bytes, so they are parsed once. */
const parsed = new WeakMap<Buffer, Block>()

export function parseBlock(given: Buffer | string): Block {
  if (typeof given === 'string') return parse(given)
  let block = parsed.get(given)
  if (!block) {
    block = parse(given.toString())
    parsed.set(given, block)
  }
  return block
}

function parse(text: string): Block {
  const block: Block = { bytes: text.length, retry: null, id: null, event: '', payload: {} }
  for (const line of text.split('\n')) {
    const colon = line.indexOf(': ')
    const value = line.slice(colon + 2)
    const field = line.slice(0, Math.max(colon, 0))
    if (field === 'retry') block.retry = Number(value)
    else if (field === 'id') block.id = Number(value)
    else if (field === 'event') block.event = value
    else if (field === 'data') block.payload = JSON.parse(value) as EventPayload
  }
  return block
}

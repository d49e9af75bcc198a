import { StringDecoder } from 'node:string_decoder'

/** One block of an event stream: what stands between two empty lines. */
export interface Block {
  id: number | null
  event: string
  /** Null where there is no data line: such a block moves the cursor, and is no event (HTML standard). */
  data: string | null
  retry: number | null
}

/**
 * Takes a stream's bytes and gives its blocks, once each is whole: the cursor must not move for half of one. Only as
 * much of the standard as this service writes; test/stream/parsers.test.ts has the parsers of others.
 */
export function readBlocks(take: (block: Block) => void): (bytes: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return (bytes) => {
    const blocks = (rest + decoder.write(bytes)).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) take(parse(block))
  }
}

function parse(text: string): Block {
  const block: Block = { id: null, event: 'message', data: null, retry: null }
  for (const line of text.split('\n')) {
    const [, field, value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? []
    if (field === 'id') block.id = Number(value)
    else if (field === 'event') block.event = value
    else if (field === 'retry') block.retry = Number(value)
    else if (field === 'data') block.data = block.data === null ? value : `${block.data}\n${value}`
  }
  return block
}

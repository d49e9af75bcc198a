import { StringDecoder } from 'node:string_decoder'

/** One block of an event stream: the lines between two empty lines. */
export interface Block {
  id: number | null
  event: string
  /** Null without a data line. Such a block moves the cursor but is not an event (HTML standard). */
  data: string | null
  retry: number | null
}

/**
 * Returns a function that takes the bytes of a stream and calls `take` with each complete block. An incomplete block
 * must not move the cursor. Parses only what this service writes; test/stream/parsers.test.ts tests complete parsers.
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

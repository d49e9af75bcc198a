import { createBlock, type Block } from './block.ts'

/** The blocks that send a client its cursor. All clients with the same cursor share one. */
export interface Signals {
  /** Makes the client load its state again. */
  reset(seq: number): Block
  /** Shows that the connection works. */
  beat(seq: number): Block
}

export function createSignals(): Signals {
  return { reset: createShared('reset'), beat: createShared('beat') }
}

/** Keeps the newest block only: at a time, nearly all clients have the same cursor. */
function createShared(event: string): (seq: number) => Block {
  let newest: { seq: number; block: Block } | null = null
  return (seq) => {
    if (newest?.seq !== seq) newest = { seq, block: createBlock({ id: seq, event, data: '{}' }) }
    return newest.block
  }
}

/** The part of a socket, or of an `http.ServerResponse`, that a stream needs. */
export interface Transport {
  readonly destroyed: boolean
  readonly writableLength: number
  readonly writableNeedDrain: boolean
  readonly writableCorked: number
  cork(): unknown
  uncork(): unknown
  write(bytes: Buffer): unknown
  end(): unknown
  destroy(): unknown
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown
  once(event: 'drain' | 'finish' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** A response whose head has not been sent yet. */
export interface UnsentResponse extends Pick<Transport, 'destroyed' | 'destroy' | 'once'> {
  /** Sends the head. Returns null if the response has no body. */
  begin(headers: Record<string, string>): Transport | null
}

/** Corks the transport, so that all writes of one turn of the event loop need one system call. */
export function collectWrites(transport: Transport): void {
  if (transport.writableCorked > 0) return
  transport.cork()
  process.nextTick(uncork, transport)
}

function uncork(transport: Transport): void {
  transport.uncork()
}

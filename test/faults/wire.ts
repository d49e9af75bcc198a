import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A wire to PostgreSQL that can go silent: nothing is forwarded any more, and nothing says so. */
export interface Wire {
  port: number
  silence(): void
  /** Ends each new connection at once, after so many more. */
  breakAfter(connections: number): void
  /**
   * New connections work again. Those that met the silence stay silent for good, as behind a firewall that forgot
   * them: only a time limit finds out.
   */
  mend(): void
  close(): void
}

export async function layWire(toPort: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  let silent = false
  let left = Infinity

  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    keep(near)
    if (left-- <= 0) {
      near.destroy()
      return
    }
    if (silent) {
      near.pause()
      return
    }
    const far = keep(connect(toPort, '127.0.0.1'))
    near.pipe(far).pipe(near)
    // An end that is no orderly one passes on too, unless the wire is silent.
    near.on('close', () => far.isPaused() || far.destroy())
    far.on('close', () => near.isPaused() || near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      silent = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    breakAfter(connections) {
      left = connections
    },
    mend() {
      silent = false
      left = Infinity
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

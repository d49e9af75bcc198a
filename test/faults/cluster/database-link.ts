import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy to PostgreSQL that can go silent: it forwards nothing more, and closes no connection. */
export interface DatabaseLink {
  port: number
  silence(): void
  /** Discards what PostgreSQL sends, and still forwards what the instance sends. `breakConnections` ends that. */
  loseAnswers(): void
  breakConnections(): void
  /** Closes every new connection at once, after this many more. */
  refuseAfter(connections: number): void
  /**
   * Makes new connections work again. The silent ones stay silent, as behind a firewall that lost their state: only a
   * timeout detects it.
   */
  restore(): void
  close(): void
}

export async function openDatabaseLink(toPort: number): Promise<DatabaseLink> {
  const sockets = new Set<Socket>()
  /** The connections to PostgreSQL. */
  const farSockets = new Set<Socket>()
  let isSilent = false
  let left = Infinity

  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    track(near)
    if (left-- <= 0) {
      near.destroy()
      return
    }
    if (isSilent) {
      near.pause()
      return
    }
    const far = track(connect(toPort, '127.0.0.1'))
    near.pipe(far).pipe(near)
    farSockets.add(far)
    // `pipe` forwards only an orderly end. A broken connection is forwarded here, unless the link is silent.
    near.on('close', () => far.isPaused() || far.destroy())
    far.on('close', () => {
      farSockets.delete(far)
      if (!near.isPaused()) near.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      isSilent = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    loseAnswers() {
      for (const far of farSockets) far.unpipe().resume()
    },
    breakConnections() {
      for (const socket of sockets) socket.destroy()
    },
    refuseAfter(connections) {
      left = connections
    },
    restore() {
      isSilent = false
      left = Infinity
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

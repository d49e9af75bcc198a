import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A server connection, and the client that has it until its transaction ends. */
interface Lent {
  socket: Socket
  client: Socket | null
  unread: Buffer
}

/**
 * Pools connections as PgBouncer before 1.21 does in transaction mode: a client has a connection of the server only
 * during a transaction. For a server without passwords. Returns the port.
 */
export async function startTransactionPooler({
  host,
  port,
  user,
  database,
}: {
  host: string
  port: number
  user: string
  database: string
}): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>()
  const free: Lent[] = []

  async function borrow(client: Socket): Promise<Lent> {
    const lent = free.pop() ?? (await open())
    lent.client = client
    return lent
  }

  async function open(): Promise<Lent> {
    const socket = connect(port, host)
    sockets.add(socket)
    const lent: Lent = { socket, client: null, unread: Buffer.alloc(0) }
    const { promise, resolve } = Promise.withResolvers<void>()
    let isReady = false
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const client = lent.client
      if (isReady) client?.write(data)
      if (!isIdleAfter(lent, data)) return
      if (!isReady) resolve()
      else if (client) {
        lent.client = null
        free.push(lent)
      }
      isReady = true
    })
    socket.write(startup(user, database))
    await promise
    return lent
  }

  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => {})
    let isGreeted = false
    let lent: Promise<Lent> | null = null
    client.on('data', (data) => {
      if (!isGreeted) {
        isGreeted = true
        client.write(GREETING)
      } else if (data[0] !== 0x58 /* Terminate */) {
        void (async () => {
          const current = lent === null ? null : await lent
          if (current?.client !== client) lent = borrow(client)
          ;(await lent!).socket.write(data)
        })()
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Reads messages of the server. Returns whether the last one says that no transaction is open. */
function isIdleAfter(lent: Lent, data: Buffer): boolean {
  let rest = Buffer.concat([lent.unread, data])
  let isIdle = false
  while (rest.length >= 5 && rest.length >= 1 + rest.readUInt32BE(1)) {
    const end = 1 + rest.readUInt32BE(1)
    isIdle = rest[0] === 0x5a /* ReadyForQuery */ && rest[5] === 0x49 /* idle */
    rest = rest.subarray(end)
  }
  lent.unread = rest
  return isIdle && rest.length === 0
}

function startup(user: string, database: string): Buffer {
  const text = `user\0${user}\0database\0${database}\0\0`
  const message = Buffer.alloc(8 + text.length)
  message.writeUInt32BE(message.length, 0)
  message.writeUInt32BE(196_608, 4)
  message.write(text, 8)
  return message
}

/** AuthenticationOk and ReadyForQuery. */
const GREETING = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])

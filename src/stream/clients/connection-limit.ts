import { TooMany } from '../../lib/errors.ts'
import type { Connection } from './connection.ts'

const PER_USER = 10
/** Many anonymous visitors may share one network. */
const PER_NETWORK_SCALE = 5
/** The client of the ended stream must not reconnect at once, because that would end the next stream. */
const EVICTED_RETRY_MS = 30_000

/** Limits the streams that a user, or all anonymous clients of one network, may have open on this instance. */
export interface ConnectionLimit {
  /**
   * Counts the connection until it is closed. For a user above the limit it ends the oldest stream.
   * @throws TooMany for an anonymous client above the limit
   */
  acquire(userId: string | null, network: string, connection: Connection): void
}

/** `streams` is the limit per user. */
export function createConnectionLimit(limits: 'off' | { streams?: number }): ConnectionLimit {
  const perUser = limits === 'off' ? 0 : (limits.streams ?? PER_USER)
  const open = new Map<string, Set<Connection>>()

  return {
    acquire(userId, network, connection) {
      // A closed connection emits no `close` event any more, so it would never leave the count.
      if (perUser === 0 || connection.closed()) return
      const key = userId === null ? `network:${network}` : `user:${userId}`
      const connections = open.get(key) ?? new Set()
      if (userId === null && connections.size >= perUser * PER_NETWORK_SCALE) {
        throw new TooMany('There are too many streams from your network.', 60, 'streams')
      }
      // A set keeps the order of insertion.
      const [oldest] = connections
      if (oldest && userId !== null && connections.size >= perUser) {
        connections.delete(oldest)
        oldest.end(EVICTED_RETRY_MS)
      }
      open.set(key, connections.add(connection))
      connection.onClose(() => {
        connections.delete(connection)
        if (connections.size === 0 && open.get(key) === connections) open.delete(key)
      })
    },
  }
}

import { TooMany } from '../lib/errors.ts'
import type { Connection } from './connection.ts'

const PER_USER = 10
/** Signed out, many may come from one network. */
const PER_NETWORK_SCALE = 5
/** An eleventh stream must not be ended at once by the first one that comes back. */
const EVICTED_RETRY_MS = 30_000

/** Bounds how many streams one person, or one network of people signed out, holds open on this instance. */
export interface Seats {
  /**
   * Takes a place until the connection is closed: a user's oldest stream ends where there is none left. Throws TooMany for
   * someone signed out.
   */
  take(userId: string | null, network: string, connection: Connection): void
}

/** `streams` of `LIMITS` is the number for a user. */
export function createSeats(limits: 'off' | { streams?: number }): Seats {
  const perUser = limits === 'off' ? 0 : (limits.streams ?? PER_USER)
  const taken = new Map<string, Set<Connection>>()

  return {
    take(userId, network, connection) {
      // Who has hung up by now needs no place, and would never give it back.
      if (perUser === 0 || connection.closed()) return
      const key = userId === null ? `network:${network}` : `user:${userId}`
      const seats = taken.get(key) ?? new Set()
      if (userId === null && seats.size >= perUser * PER_NETWORK_SCALE) {
        throw new TooMany('There are too many streams from your network.', 60, 'streams')
      }
      // A set keeps the order in which its members came.
      const [oldest] = seats
      if (oldest && userId !== null && seats.size >= perUser) {
        seats.delete(oldest)
        oldest.end(EVICTED_RETRY_MS)
      }
      taken.set(key, seats.add(connection))
      connection.onClose(() => {
        seats.delete(connection)
        if (seats.size === 0 && taken.get(key) === seats) taken.delete(key)
      })
    },
  }
}

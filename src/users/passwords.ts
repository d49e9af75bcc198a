import argon2 from 'argon2'
import { createQueue } from '../lib/queue.ts'

export interface Passwords {
  hash(password: string): Promise<string>
  /** False also where there is no hash, after the same work: how long it takes must not tell who exists. */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean
}

/** The least that the OWASP cheat sheet "Password Storage" asks of argon2id. */
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/**
 * Hashes with argon2id. Each hash holds one of libuv's four threads, so at most `running` run at once and `waiting` wait;
 * beyond that both functions throw Unavailable.
 */
export function createPasswords({ running = 2, waiting = 50 } = {}): Passwords {
  const turn = createQueue(running, waiting)
  const nobody = turn(() => argon2.hash(crypto.randomUUID(), PARAMETERS))
  nobody.catch(() => {}) // told to whoever awaits it
  return {
    hash: (password) => turn(() => argon2.hash(password, PARAMETERS)),
    async verify(hash, password) {
      const against = hash ?? (await nobody)
      const right = await turn(() => argon2.verify(against, password))
      return right && hash !== null
    },
    isOutdated: (hash) => argon2.needsRehash(hash, PARAMETERS),
  }
}

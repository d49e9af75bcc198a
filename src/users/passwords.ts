import argon2 from 'argon2'
import { createLimiter, type Limiter } from '../lib/limiter.ts'

export interface Passwords {
  hash(password: string): Promise<string>
  /**
   * Checks a password. Without a hash, or with text that is not an argon2 hash, it returns false after the same number
   * of computations: the response time must not show which accounts exist.
   */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Whether the hash has other parameters than the current ones. */
  isOutdated(hash: string): boolean
  /** The computations that run and wait. */
  queue: Pick<Limiter, 'running' | 'waiting'>
}

/** The minimum for argon2id in the OWASP cheat sheet "Password Storage". */
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** In UTF-16 code units; far more than 200 characters need in any normalization form. */
const MAX_NORMALIZED = 2000

/**
 * Hashes with argon2id. Each computation takes one of libuv's four threads, so at most `running` run at the same time
 * and `waiting` more wait. If more arrive, both functions throw Unavailable.
 */
export function createPasswords({ running = 2, waiting = 50, compute = argon2.verify } = {}): Passwords {
  const limiter = createLimiter(running, waiting)
  const dummyHash = limiter(() => argon2.hash(crypto.randomUUID(), PARAMETERS))
  dummyHash.catch(() => {}) // callers that await it get the error

  async function matches(hash: string | null, password: string): Promise<boolean> {
    try {
      if (hash !== null && /^\$argon2(id|i|d)\$/.test(hash)) return await compute(hash, password)
    } catch {
      // argon2 cannot parse the text, for instance one that was set with psql. It throws before any computation.
    }
    await compute(await dummyHash, password)
    return false
  }

  return {
    hash: (password) => limiter(() => argon2.hash(normalizePassword(password), PARAMETERS)),
    async verify(hash, password) {
      await dummyHash
      const normalized = normalizePassword(password)
      return limiter(async () => {
        if (await matches(hash, normalized)) return true
        // The hash may be older than the normalization of passwords.
        return normalized !== password && matches(hash, password)
      })
    },
    isOutdated: (hash) => argon2.needsRehash(hash, PARAMETERS),
    queue: limiter,
  }
}

/**
 * Converts to Unicode normalization form C, because keyboards may send the same letter as different code points. Text
 * longer than MAX_NORMALIZED stays as it is: no such password was ever accepted, and the time of normalize() grows with
 * the square of the number of combining marks.
 */
export function normalizePassword(password: string): string {
  return password.length > MAX_NORMALIZED ? password : password.normalize('NFC')
}

import argon2 from 'argon2'
import { createLimiter } from '../lib/limiter.ts'

export interface Passwords {
  hash(password: string): Promise<string>
  /**
   * False also where there is no hash or it is not an argon2 hash, after the same number of computations: the time it
   * takes must not show which accounts exist.
   */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean
}

/** The least that the OWASP cheat sheet "Password Storage" asks of argon2id. */
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** UTF-16 units; far above 200 characters in any normalization form. */
const MAX_NORMALIZED = 2000

/**
 * Hashes with argon2id. Each hash holds one of libuv's four threads, so at most `running` run at once and `waiting` wait;
 * beyond that both functions throw Unavailable.
 */
export function createPasswords({ running = 2, waiting = 50, compute = argon2.verify } = {}): Passwords {
  const limiter = createLimiter(running, waiting)
  const nobody = limiter(() => argon2.hash(crypto.randomUUID(), PARAMETERS))
  nobody.catch(() => {}) // reported to the callers that await it

  async function matches(hash: string | null, password: string): Promise<boolean> {
    try {
      if (hash !== null && /^\$argon2(id|i|d)\$/.test(hash)) return await compute(hash, password)
    } catch {
      // Text that argon2 cannot read, for instance set with psql: it throws before it computes anything.
    }
    await compute(await nobody, password)
    return false
  }

  return {
    hash: (password) => limiter(() => argon2.hash(normalizePassword(password), PARAMETERS)),
    async verify(hash, password) {
      await nobody
      const normalized = normalizePassword(password)
      return limiter(async () => {
        if (await matches(hash, normalized)) return true
        // Hashes from before passwords were normalized.
        return normalized !== password && matches(hash, password)
      })
    },
    isOutdated: (hash) => argon2.needsRehash(hash, PARAMETERS),
  }
}

/**
 * NFC: two keyboards may send the same letter as different code points. Not beyond MAX_NORMALIZED: no such password was
 * ever accepted, and the time that normalize() takes grows with the square of the number of combining marks.
 */
export function normalizePassword(password: string): string {
  return password.length > MAX_NORMALIZED ? password : password.normalize('NFC')
}

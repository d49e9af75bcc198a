import { createHash, randomBytes } from 'node:crypto'

/** Returns 32 random bytes as text, for a link or a token. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** The SHA-256 of a secret. Only this is stored, so a copy of the database opens nothing. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { storable } from '../web/body.ts'
import { normalizePassword } from './passwords.ts'

/**
 * A password that a person chooses, in NFC: 8 to 200 characters of any kind, but not one of the most common passwords.
 * See OWASP ASVS 5, 6.2. `empty` is the message for a missing one.
 */
export function newPassword(empty: string) {
  return storable()
    .prefault('')
    .transform(normalizePassword)
    .refine((password) => password !== '', { error: empty, abort: true })
    .refine((password) => [...password].length >= 8, {
      error: 'A password has at least 8 characters',
      abort: true,
    })
    .refine((password) => [...password].length <= 200, {
      error: 'A password has at most 200 characters',
      abort: true,
    })
    .refine((password) => !COMMON.has(password.toLowerCase()), {
      error: 'This is one of the most common passwords: please choose another one',
      abort: true,
    })
}

export const PASSWORD_IS_USERNAME = 'The password may not be the username'

export function isPasswordUsername(username: string, password: string): boolean {
  return password.toLowerCase() === username.toLowerCase()
}

/** A password that opens what is there: asked for, never judged. */
export function currentPassword(empty: string) {
  return storable()
    .prefault('')
    .refine((password) => password !== '', { error: empty, abort: true })
}

const COMMON = new Set(
  readFileSync(join(import.meta.dirname, 'common-passwords.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# ')),
)

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { storable } from '../web/body.ts'
import { normalizePassword } from './passwords.ts'

/**
 * The schema of a new password: 8 to 200 characters of any kind, but not one of the most common passwords (OWASP ASVS
 * 5, 6.2). The output is in Unicode normalization form C. `empty` is the message if it is missing.
 */
export function newPassword(empty: string) {
  return storable()
    .prefault('')
    .transform(normalizePassword)
    .refine((password) => password !== '', { error: empty, abort: true })
    .refine((password) => [...password].length >= 8, {
      error: 'A password must have at least 8 characters',
      abort: true,
    })
    .refine((password) => [...password].length <= 200, {
      error: 'A password can have at most 200 characters',
      abort: true,
    })
    .refine((password) => !COMMON.has(password.toLowerCase()), {
      error: 'This is one of the most common passwords. Please choose another one.',
      abort: true,
    })
}

export const PASSWORD_IS_USERNAME = 'The password must not be the username'

export function isPasswordUsername(username: string, password: string): boolean {
  return password.toLowerCase() === username.toLowerCase()
}

/** The schema of an existing password, which may be older than the rules for new ones: only empty text is invalid. */
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

import { UniqueIntegrityConstraintViolationError } from 'slonik'
import { z } from 'zod'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid } from '../lib/errors.ts'
import { MINUTE, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { UserView } from '../shared/views.ts'
import { isTaken, newName } from '../names/names.ts'
import { isPasswordUsername, newPassword, PASSWORD_IS_USERNAME } from './new-password.ts'
import type { Passwords } from './passwords.ts'

/** Per network. */
const SIGN_UP_RATE: Rate = { key: 'signups', limit: 'signups', max: 5, seconds: 30 * MINUTE }

export const MISSING_CREDENTIALS = 'Please enter username and password'
export const USERNAME_TAKEN = 'Username already exists'

/** The schema of a new username; the output is in lower case. `empty` is the message if it is missing. */
export function newUsername(empty: string) {
  return newName({
    empty,
    malformed: 'A username must have 3 to 15 letters, digits or underscores',
    reserved: 'This username is reserved',
  })
}

export const RegisterInput = z
  .object({
    username: newUsername(MISSING_CREDENTIALS),
    password: newPassword(MISSING_CREDENTIALS),
  })
  .refine(({ username, password }) => !isPasswordUsername(username, password), {
    error: PASSWORD_IS_USERNAME,
    path: ['password'],
  })

export interface AccountDeps {
  db: Db
  write: Write
  passwords: Passwords
  throttle: Throttle
}

/**
 * Creates an account. `network` is the client's network, by which sign-ups are limited.
 * @throws Invalid if a user or a group has the name.
 * @throws TooMany if this network has registered too many accounts lately.
 */
export async function registerUser(
  { db, write, passwords, throttle }: AccountDeps,
  { username, password }: z.output<typeof RegisterInput>,
  network: string,
): Promise<UserView> {
  if (await isTaken(db, username)) throw new Invalid({ username: USERNAME_TAKEN })
  await throttle(SIGN_UP_RATE, network)
  return insertUser(write, username, await passwords.hash(password))
}

/**
 * Inserts a user.
 * @throws Invalid if a user or a group has the name.
 */
export async function insertUser(write: Write, username: string, hash: string): Promise<UserView> {
  try {
    return await write((tx) =>
      tx.oneFirst(sql.row<{ user: UserView }>()`
        insert into users (username, password_hash)
        values (${username}, ${hash})
        returning user_view(users) as user`),
    )
  } catch (error) {
    // The name may have been taken by another request since `isTaken`.
    if (error instanceof UniqueIntegrityConstraintViolationError)
      throw new Invalid({ username: USERNAME_TAKEN })
    throw error
  }
}
